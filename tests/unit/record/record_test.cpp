#include "core/record/run_record.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/record/hdf5_read.h"
#include "core/record/hdf5_write.h"
#include "core/record/sealed_file.h"
#include "tests/support/record_sample.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::record_test {
namespace {

namespace fs = std::filesystem;
using test::sample_record;
using test::score;
using testing::HasSubstr;

class RecordTest : public testing::Test {
 protected:
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  static std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const std::string& bytes) const { std::ofstream(file_, std::ios::binary) << bytes; }

  // What reading the file is refused with; fails the test if it is not.
  [[nodiscard]] std::string refusal() const {
    try {
      read_record(file_);
    } catch (const DataError& error) {
      return error.what();
    }
    ADD_FAILURE() << "the file was read";
    return "";
  }

  // A record file whose content `change` alters through HDF5, sealed anew.
  template <class Change>
  void put_changed(Change change) const {
    write_record(sample_record(), file_);
    const hdf5::File image = hdf5::File(H5Fopen(unsealed().c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    ASSERT_GE(image, 0);
    change(hdf5::root_of(image, file_.string()));
    H5Fflush(image, H5F_SCOPE_GLOBAL);
  }

  test::TempFolder temporary_;
  fs::path folder_ = temporary_.path(), file_ = folder_ / "run.h5";

 private:
  [[nodiscard]] std::string unsealed() const {
    put(read_sealed(file_));
    return file_.string();
  }
};

TEST_F(RecordTest, GivesBackEverythingThatWasWritten) {
  const RunRecord written = sample_record();
  write_record(written, file_);
  const RunRecord got = read_record(file_);
  EXPECT_EQ(got.name, written.name);
  EXPECT_EQ(got.identity, written.identity);
  EXPECT_EQ(got.code_version, written.code_version);
  EXPECT_EQ(got.resolved_toml, written.resolved_toml);
  EXPECT_EQ(got.source_toml, written.source_toml);
  EXPECT_EQ(got.protocol, written.protocol);
  EXPECT_EQ(got.seed, 7);
  EXPECT_EQ(got.parameters, 1000);
  EXPECT_EQ(got.trainable_parameters, 10);
  EXPECT_TRUE(got.finished);
  EXPECT_EQ(got.environment, written.environment);
  EXPECT_EQ(got.metrics, written.metrics);
  EXPECT_EQ(got.seconds, written.seconds);
  ASSERT_EQ(got.plugins.size(), 2U);
  EXPECT_EQ(got.plugins[1].file, "metric_dice.so");
  ASSERT_EQ(got.steps.size(), 2U);
  EXPECT_EQ(got.steps[1].step, 2);
  EXPECT_EQ(got.steps[0].loss, 3.5);
  EXPECT_EQ(got.steps[0].peak_memory_mib, 512.0);
  EXPECT_EQ(got.steps[0].terms, written.steps[0].terms);
  EXPECT_EQ(got.steps[1].terms, written.steps[1].terms);  // a term that only one step has does not appear in the other
  EXPECT_EQ(got.steps[1].rate_factor, 1.0);
  EXPECT_EQ(got.steps[1].joules, 31.0);
  EXPECT_EQ(got.steps[1].device_memory_mib, 65.0);
  EXPECT_EQ(got.steps[1].flops, 2e9);
  ASSERT_EQ(got.groups.size(), 2U);
  EXPECT_EQ(got.groups[1].name, "backbone.blocks.3.no_decay");
  EXPECT_EQ(got.groups[1].learning_rate, 2e-4);
  EXPECT_EQ(got.groups[0].weight_decay, 0.1);
  EXPECT_EQ(got.groups[0].tensors, 4);
  EXPECT_EQ(got.groups[0].parameters, 9);
  ASSERT_EQ(got.datasets.size(), 2U);
  const DatasetRecord& ct = got.datasets.at("ct");
  EXPECT_EQ(ct.modality, "ct");
  EXPECT_EQ(ct.role, "internal");
  EXPECT_EQ(ct.split_sha256, "feed");
  EXPECT_EQ(ct.labels, written.datasets.at("ct").labels);
  EXPECT_EQ(ct.train_items, written.datasets.at("ct").train_items);
  EXPECT_EQ(ct.held_out_items, written.datasets.at("ct").held_out_items);
  EXPECT_EQ(ct.dropped_items, written.datasets.at("ct").dropped_items);
  EXPECT_EQ(ct.file_sha256, written.datasets.at("ct").file_sha256);
  EXPECT_EQ(ct.split_mode, "block");
  EXPECT_EQ(ct.train_subjects, std::vector<std::string>{"a"});
  EXPECT_EQ(ct.held_out_subjects, std::vector<std::string>{"a"});
  ASSERT_EQ(ct.scores.size(), 2U);
  EXPECT_EQ(ct.scores[0].prompt, "both lungs");
  EXPECT_TRUE(ct.scores[0].present);
  EXPECT_FALSE(ct.scores[1].present);
  EXPECT_EQ(ct.scores[0].confidence, 0.9);
  EXPECT_TRUE(ct.scores[0].fired);
  EXPECT_EQ(ct.scores[0].true_pixels, 100);
  EXPECT_EQ(ct.scores[0].predicted_pixels, 90);
  EXPECT_EQ(ct.scores[0].metrics, written.datasets.at("ct").scores[0].metrics);
  EXPECT_EQ(ct.scores[1].metrics, written.datasets.at("ct").scores[1].metrics);
  EXPECT_EQ(ct.scores[0].subject, "patient 1");
  EXPECT_EQ(ct.scores[0].volume, "a");
  EXPECT_EQ(ct.scores[0].slice_position, 9.0);
  EXPECT_EQ(ct.scores[1].volume, "");
  EXPECT_EQ(ct.scores[1].slice_position, std::nullopt);
  EXPECT_TRUE(got.datasets.at("ape").scores.empty());
  EXPECT_EQ(files(), 1U);
}

TEST_F(RecordTest, KnowsTheMetricOfAColumn) {
  RunRecord record = sample_record();
  record.metrics["iou_merged"].unit = "px";
  EXPECT_EQ(metric_of(record, "distance"), &record.metrics["distance"]);
  EXPECT_EQ(metric_of(record, "distance_ungated"), &record.metrics["distance"]);
  EXPECT_EQ(metric_of(record, "dice_merged"), &record.metrics["dice"]);
  EXPECT_EQ(metric_of(record, "iou_merged"), &record.metrics["iou_merged"]) << "a whole name goes first";
  EXPECT_EQ(metric_of(record, "dice_worst"), nullptr);
}

TEST_F(RecordTest, RefusesAMetricOfAnUnknownKind) {
  put_changed([](const hdf5::Node& root) {
    ASSERT_GE(H5Ldelete(root.object, "metrics", H5P_DEFAULT), 0);
    const auto text = [](const char* name, const char* value) { return hdf5::Column{name, hdf5::TextColumn{value}, ""}; };
    const auto number = [](const char* name) { return hdf5::Column{name, hdf5::NumberColumn{0.0}, ""}; };
    hdf5::write_table(root, "metrics",
                      {text("name", "m"),
                       text("unit", ""),
                       {"higher_is_better", hdf5::FlagColumn{true}, ""},
                       number("lowest"),
                       number("highest"),
                       text("scope", "galaxy"),
                       text("aggregate", "mean"),
                       number("undefined_counts"),
                       text("empty_rule", ""),
                       text("definition", "")});
  });
  EXPECT_THAT(refusal(), HasSubstr("/metrics: an unknown scope; got 'galaxy'"));
}

TEST_F(RecordTest, HoldsARunBeforeItsFirstStep) {
  write_record(RunRecord{}, file_);
  const RunRecord got = read_record(file_);
  EXPECT_TRUE(got.steps.empty());
  EXPECT_TRUE(got.datasets.empty());
  EXPECT_FALSE(got.finished);
}

TEST_F(RecordTest, HoldsManyTermsAndGroupsAndManyRows) {
  RunRecord record;
  record.steps.resize(3);
  for (int i = 0; i < 300; ++i) {
    record.steps[0].terms["loss_semantic_dice_aux_" + std::to_string(i) + "_o2m"] = i;
  }
  for (int i = 0; i < 5000; ++i) record.groups.push_back({"trunk.blocks." + std::to_string(i), 1e-4 * i, 0.1, i, 2 * i});
  for (int i = 0; i < 20000; ++i) {
    record.datasets["many"].scores.push_back(score("after", "item/" + std::to_string(i), "l", "a prompt", i % 2 == 0, true, i));
  }
  write_record(record, file_);
  const RunRecord got = read_record(file_);
  EXPECT_EQ(got.steps[0].terms, record.steps[0].terms);
  ASSERT_EQ(got.groups.size(), 5000U);
  EXPECT_EQ(got.groups[4999].name, "trunk.blocks.4999");
  EXPECT_EQ(got.groups[4321].parameters, 8642);
  EXPECT_TRUE(std::isnan(got.steps[1].joules));  // not available
  ASSERT_EQ(got.datasets.at("many").scores.size(), 20000U);
  EXPECT_EQ(got.datasets.at("many").scores[19999].item, "item/19999");
  EXPECT_EQ(got.datasets.at("many").scores[12345].metrics.at("dice"), 12345.0);
}

TEST_F(RecordTest, RefusesNamesThatHdf5ReadsAsPaths) {
  for (const char* name : {"a/b", ".", "..", ""}) {
    RunRecord record;
    record.datasets[name] = {};
    EXPECT_THROW(write_record(record, file_), DataError) << name;
  }
  RunRecord clash;
  clash.datasets["ct"].scores = {score("after", "i", "l", "p", true, true, 1.0)};
  clash.datasets["ct"].scores[0].metrics["label"] = 1.0;
  EXPECT_THROW(write_record(clash, file_), DataError);
  RunRecord zero;
  zero.name = std::string("a\0b", 3);
  EXPECT_THROW(write_record(zero, file_), DataError);
  EXPECT_EQ(files(), 0U);
}

TEST_F(RecordTest, AFullDiskKeepsThePreviousCommit) {
  write_record(sample_record(), file_);
  RunRecord large = sample_record();
  large.source_toml.assign(std::size_t{1} << 20, '#');
  large.finished = false;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{std::size_t{1} << 19, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write_record(large, file_), DataError);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(read_record(file_).finished);
  EXPECT_EQ(files(), 1U);  // nothing half-written stays
}

TEST_F(RecordTest, RefusesAFolderThatIsNotThere) {
  EXPECT_THROW(write_record(sample_record(), folder_ / "no" / "run.h5"), DataError);
}

// Waits until another file stands at `file` than the one with that inode; at most 30 s.
void wait_for_commit(const fs::path& file, ino_t inode) {
  struct stat now {};
  for (int i = 0; i < 30000; ++i) {
    if (stat(file.c_str(), &now) == 0 && now.st_ino != inode) return;
    usleep(1000);
  }
  ADD_FAILURE() << "no commit came";
}

// A child commits in a loop and is killed at 20 instants: the file always holds one whole commit.
TEST_F(RecordTest, AKillAtAnyInstantLeavesAWholeCommit) {
  RunRecord record = sample_record();
  record.datasets["ct"].scores.assign(2000, score("after", "item", "l", "p", true, true, 0.5));
  record.seed = 0;
  record.steps.clear();
  write_record(record, file_);
  Random random(1);
  std::int64_t last_seed = 0;
  for (int round = 0; round < 20; ++round) {
    struct stat before {};
    ASSERT_EQ(stat(file_.c_str(), &before), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (record.seed = last_seed + 1;; ++record.seed) {
        record.steps.assign(static_cast<std::size_t>(record.seed % 100), StepRow{record.seed, 0, 0, 0, 0, {}});
        write_record(record, file_);
      }
    }
    wait_for_commit(file_, before.st_ino);
    usleep(static_cast<useconds_t>(random.below(60000)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const RunRecord got = read_record(file_);
    EXPECT_GT(got.seed, last_seed);
    EXPECT_EQ(got.steps.size(), static_cast<std::size_t>(got.seed % 100));
    EXPECT_EQ(got.datasets.at("ct").scores.size(), 2000U);
    last_seed = got.seed;
  }
}

TEST_F(RecordTest, RefusesWhatIsNoResult) {
  EXPECT_THAT(refusal(), HasSubstr("no such file"));
  put("");
  EXPECT_THAT(refusal(), HasSubstr("no readable HDF5 file"));
  put("name = \"not a result\"");
  EXPECT_THAT(refusal(), HasSubstr("no readable HDF5 file"));
  put_changed([](const hdf5::Node& root) {
    H5Adelete(root.object, "format");
    hdf5::put_text(root, "format", "another-program");
  });
  EXPECT_THAT(refusal(), HasSubstr("another-program"));
  put_changed([](const hdf5::Node& root) {
    H5Adelete(root.object, "format_version");
    hdf5::put_integer(root, "format_version", 99);
  });
  EXPECT_THAT(refusal(), HasSubstr("got 99, expected 3; read it with the version of sam3lab that wrote it"));
  fs::remove(file_);
  fs::create_directory(file_);
  EXPECT_THAT(refusal(), HasSubstr("not a file"));
}

TEST_F(RecordTest, RefusesEveryTruncationAndEveryFlippedByte) {
  write_record(sample_record(), file_);
  const std::string whole = bytes_of(file_);
  EXPECT_EQ(read_record(file_).name, "demo");
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 97) {
    put(whole.substr(0, size));
    EXPECT_THROW(read_record(file_), DataError) << size;
  }
  put(whole.substr(0, whole.size() - 1));
  EXPECT_THROW(read_record(file_), DataError);
  put(whole + "x");
  EXPECT_THROW(read_record(file_), DataError);
  for (std::size_t at = 0; at < whole.size(); at += 1 + whole.size() / 199) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    put(flipped);
    EXPECT_THROW(read_record(file_), DataError) << at;
  }
}

// Without the seal, HDF5's own parser meets the damage, and dies of some of it.
TEST_F(RecordTest, SurvivesWhatHdf5DoesNot) {
  write_record(sample_record(), file_);
  const std::string whole = read_sealed(file_);
  Random random(3);
  int refused = 0, died = 0;
  for (int round = 0; round < 80; ++round) {
    std::string changed = whole;
    for (int i = 0; i < 3; ++i) changed[random.below(changed.size())] = static_cast<char>(random.next());
    put(changed);
    try {
      read_record(file_);
    } catch (const DataError& error) {
      ++refused;
      if (std::string(error.what()).find("does not survive") != std::string::npos) ++died;
    }
  }
  EXPECT_GT(refused, 8);
  EXPECT_GT(died, 0);  // the case that the child process is there for does occur
}

TEST_F(RecordTest, EqualRecordsAreEqualFiles) {
  write_record(sample_record(), file_);
  const std::string first = bytes_of(file_);
  usleep(1100000);  // HDF5 would store seconds
  write_record(sample_record(), file_);
  EXPECT_TRUE(first == bytes_of(file_));
}

TEST_F(RecordTest, ReadsAFileThatAnotherProgramAddedTo) {
  put_changed([](const hdf5::Node& root) { hdf5::put_text(root, "note", "looked at"); });
  EXPECT_EQ(read_record(file_).name, "demo");
}

// Results of before the subjects were stored.
TEST_F(RecordTest, ReadsAResultWithoutSubjects) {
  put_changed([](const hdf5::Node& root) {
    const hdf5::Node ct = hdf5::open_group(hdf5::open_group(root, "eval"), "ct");
    ASSERT_GE(H5Adelete(ct.object, "split_mode"), 0);
    for (const char* name : {"train_subjects", "held_out_subjects"}) ASSERT_GE(H5Ldelete(ct.object, name, H5P_DEFAULT), 0);
  });
  const DatasetRecord ct = read_record(file_).datasets.at("ct");
  EXPECT_EQ(ct.split_mode, "");
  EXPECT_TRUE(ct.train_subjects.empty());
  EXPECT_TRUE(ct.held_out_subjects.empty());
}

TEST_F(RecordTest, RefusesAMissingPart) {
  for (const char* path : {"config/source", "plugins", "train/groups", "train/steps", "eval/ct/scores", "eval/ct/labels",
                           "eval/ct/held_out_subjects", "seconds", "metrics"}) {
    put_changed([&](const hdf5::Node& root) { ASSERT_GE(H5Ldelete(root.object, path, H5P_DEFAULT), 0); });
    EXPECT_THAT(refusal(), HasSubstr("missing")) << path;
  }
}

// Replaces /train/steps by a dataset that `make` creates.
template <class Make>
void replace_steps(const hdf5::Node& root, Make make) {
  ASSERT_GE(H5Ldelete(root.object, "train/steps", H5P_DEFAULT), 0);
  make(hdf5::open_group(root, "train"));
}

TEST_F(RecordTest, RefusesTablesOfAnotherShape) {
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) { hdf5::write_text(train, "steps", "text"); });
  });
  EXPECT_THAT(refusal(), HasSubstr("wrong rank"));
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) { hdf5::write_texts(train, "steps", {"a"}); });
  });
  EXPECT_THAT(refusal(), HasSubstr("wrong type"));
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) {
      hdf5::write_table(train, "steps", {{"step", hdf5::TextColumn{"a"}, ""}});
    });
  });
  EXPECT_THAT(refusal(), HasSubstr("another type"));
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) {
      hdf5::write_table(train, "steps", {{"step", hdf5::IntegerColumn{1}, ""}});
    });
  });
  EXPECT_THAT(refusal(), HasSubstr("column 'loss' is missing"));
}

// A row count far beyond the file must be refused before memory is taken for it.
TEST_F(RecordTest, RefusesMoreRowsThanTheFileHolds) {
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) {
      const hsize_t rows = hsize_t{1} << 40;
      const hdf5::Space space(H5Screate_simple(1, &rows, nullptr));
      const hdf5::Type row(H5Tcreate(H5T_COMPOUND, 8));
      H5Tinsert(row, "step", 0, H5T_NATIVE_INT64);
      const hdf5::Dataset made(H5Dcreate2(train.object, "steps", row, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      ASSERT_GE(made, 0);
    });
  });
  EXPECT_THAT(refusal(), HasSubstr("more rows than the file can hold"));
}

TEST_F(RecordTest, FollowsNoLinkAndReadsNoOtherFile) {
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) {
      H5Lcreate_external("other.h5", "/x", train.object, "steps", H5P_DEFAULT, H5P_DEFAULT);
    });
  });
  EXPECT_THAT(refusal(), HasSubstr("link to elsewhere"));
  put_changed([](const hdf5::Node& root) {
    replace_steps(root, [](const hdf5::Node& train) {
      const hsize_t rows = 1;
      const hdf5::Space space(H5Screate_simple(1, &rows, nullptr));
      const hdf5::Properties creation(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_external(creation, "/etc/hostname", 0, 8);
      const hdf5::Dataset made(H5Dcreate2(train.object, "steps", H5T_NATIVE_INT64, space, H5P_DEFAULT, creation, H5P_DEFAULT));
      ASSERT_GE(made, 0);
    });
  });
  EXPECT_THAT(refusal(), HasSubstr("stored in a way"));
}

TEST_F(RecordTest, RefusesATextBeyondTheLimit) {
  put_changed([](const hdf5::Node& root) {
    ASSERT_GE(H5Ldelete(root.object, "config/source", H5P_DEFAULT), 0);
    hdf5::write_text(hdf5::open_group(root, "config"), "source", std::string(hdf5::longest_text + 1, 'x'));
  });
  EXPECT_THAT(refusal(), HasSubstr("texts cannot be read"));
}

}  // namespace
}  // namespace sam3lab::record_test
