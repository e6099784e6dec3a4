// What a result says that its scores show, for each kind of split.
#include "core/record/caveat.h"

#include <set>

#include <gtest/gtest.h>

#include "core/data/split.h"
#include "core/data/split_file.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::caveat_test {
namespace {

namespace fs = std::filesystem;

// `subjects` subjects of `slices` slices each; sites and official parts in turn.
SplitSource source(const std::string& name, int subjects, int slices, const std::string& prefix = "p") {
  SplitSource made{name, {}, 1.0, false, "ct"};
  for (int s = 0; s < subjects; ++s) {
    const std::string subject = prefix + std::to_string(s);
    for (int i = 0; i < slices; ++i) {
      Item item{subject + "/axial/" + std::to_string(i), subject, static_cast<double>(i), i + 1.0};
      item.site = s % 3 == 0 ? "A" : s % 3 == 1 ? "B" : "C";
      item.subset = s % 4 == 0 ? "test" : "train";
      made.items.push_back(item);
    }
  }
  return made;
}

SplitSource external(SplitSource made) {
  made.external = true;
  return made;
}

// As the description of a run fills it in.
RunRecord record_of(const std::vector<SplitSource>& sources, const std::vector<Split>& splits, bool trains = true) {
  RunRecord record;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const auto names = [&](const std::vector<std::int64_t>& items) {
      std::set<std::string> subjects;
      for (const auto i : items) subjects.insert(sources[s].items[static_cast<std::size_t>(i)].subject);
      return std::vector<std::string>(subjects.begin(), subjects.end());
    };
    DatasetRecord& dataset = record.datasets[sources[s].name];
    dataset.role = sources[s].external ? "external" : "internal";
    dataset.split_mode = splits[s].mode;
    dataset.held_out_subjects = names(splits[s].held_out);
    if (trains && !sources[s].external) dataset.train_subjects = names(splits[s].train);
  }
  return record;
}

std::string internal_caveat(const std::vector<SplitSource>& sources, const SplitOptions& options) {
  return caveat_of_role(record_of(sources, make_splits(sources, options)), "internal");
}

SplitOptions with(double held_out, const std::string& mode = "auto") {
  SplitOptions options;
  options.held_out = held_out;
  options.mode = mode;
  return options;
}

TEST(Caveat, OfBlocks) {
  EXPECT_EQ(internal_caveat({source("ct", 1, 40)}, with(0.2)),
            "held-out blocks of 1 subject that is also trained on: a demonstration, no evidence");
  EXPECT_EQ(internal_caveat({source("ct", 3, 40)}, with(0.2)),
            "held-out blocks of 3 subjects that are also trained on: a demonstration, no evidence");
}

TEST(Caveat, TwoDatasetsOfOneSubjectAreOneSubject) {
  EXPECT_EQ(internal_caveat({source("brain", 1, 40), source("lobes", 1, 40)}, with(0.2)),
            "held-out blocks of 1 subject that is also trained on: a demonstration, no evidence");
}

TEST(Caveat, OfWholeSubjects) {
  EXPECT_EQ(internal_caveat({source("ct", 60, 2)}, with(0.2)), "12 subjects held out, none of them trained on in this run");
  EXPECT_EQ(internal_caveat({source("ct", 3, 2)}, with(0.3, "subject")), "1 subject held out, not trained on in this run");
}

TEST(Caveat, OfSites) {
  SplitOptions options = with(0.3);
  options.by = "site";
  EXPECT_EQ(internal_caveat({source("ct", 9, 2)}, options),
            "3 subjects held out by whole sites, none of them trained on in this run");
}

TEST(Caveat, OfAFold) {
  SplitOptions options = with(0.2);
  options.folds = 5;
  options.fold = 1;
  EXPECT_EQ(internal_caveat({source("ct", 10, 2)}, options),
            "2 subjects held out as a fold of a cross-validation, none of them trained on in this run");
}

TEST(Caveat, OfAnOfficialDivision) {
  SplitOptions options = with(0.2);
  options.official = "test";
  EXPECT_EQ(internal_caveat({source("ct", 8, 2)}, options),
            "2 subjects held out by the source's own division, none of them trained on in this run");
}

TEST(Caveat, OfWhatIsLeftOut) {
  SplitOptions options = with(0.2);
  options.leave_out = {"dataset=far"};
  const std::vector<SplitSource> sources = {source("ct", 1, 40), source("far", 2, 2, "far")};
  const RunRecord record = record_of(sources, make_splits(sources, options));
  EXPECT_EQ(caveat_of_dataset(record, "far"), "2 subjects held out by split.leave_out, none of them trained on in this run");
  EXPECT_EQ(caveat_of_dataset(record, "ct"),
            "held-out blocks of 1 subject that is also trained on: a demonstration, no evidence");
  EXPECT_EQ(caveat_of_role(record, "internal"),
            "3 subjects held out: 2 not trained on in this run, 1 also trained on (a demonstration, no evidence)");
}

// A file may hold out in one dataset the subject that another one trains on.
TEST(Caveat, OfASplitFile) {
  const test::TempFolder folder;
  const std::vector<SplitSource> sources = {source("a", 2, 1), source("b", 2, 1)};
  SplitOptions options;
  options.file = folder / "split.json";
  const auto split = [&](std::size_t s, std::int64_t train, std::int64_t held_out) {
    Split made;
    made.train = {train};
    made.held_out = {held_out};
    made.sha256 = split_sha256(sources[s], made);
    return made;
  };
  write_splits(options.file, sources, {split(0, 0, 1), split(1, 0, 1)});
  EXPECT_EQ(internal_caveat(sources, options), "1 subject held out by a split file, not trained on in this run");
  write_splits(options.file, sources, {split(0, 0, 1), split(1, 1, 0)});
  EXPECT_EQ(internal_caveat(sources, options),
            "held-out items of 2 subjects that are also trained on: a demonstration, no evidence");
  auto outside = sources;
  outside[1].external = true;
  const RunRecord record = record_of(outside, make_splits(outside, options));
  EXPECT_EQ(caveat_of_role(record, "external"),
            "1 subject of another dataset, also trained on under another name: a demonstration, no evidence");
}

TEST(Caveat, OfExternalDatasets) {
  const std::vector<SplitSource> sources = {source("ct", 1, 40), external(source("ape", 1, 3, "ape")),
                                            external(source("far", 4, 3, "far"))};
  const RunRecord record = record_of(sources, make_splits(sources, with(0.2)));
  EXPECT_EQ(caveat_of_dataset(record, "ape"), "1 subject of another dataset, not trained on in this run");
  EXPECT_EQ(caveat_of_dataset(record, "far"), "4 subjects of another dataset, none of them trained on in this run");
  EXPECT_EQ(caveat_of_role(record, "external"), "5 subjects of 2 other datasets, none of them trained on in this run");
}

TEST(Caveat, OfARunThatTrainsNothing) {
  const std::vector<SplitSource> sources = {source("ct", 1, 40), source("many", 60, 1, "many"),
                                            external(source("ape", 1, 3, "ape"))};
  const RunRecord record = record_of(sources, make_splits(sources, with(0.2)), false);
  EXPECT_EQ(caveat_of_dataset(record, "ct"), "held-out blocks of 1 subject; nothing is trained in this run");
  EXPECT_EQ(caveat_of_dataset(record, "many"), "12 subjects held out; nothing is trained in this run");
  EXPECT_EQ(caveat_of_role(record, "external"), "1 subject of another dataset; nothing is trained in this run");
}

TEST(Caveat, SaysThatNothingIsKnown) {
  RunRecord record;
  EXPECT_EQ(caveat_of_role(record, "internal"), "no datasets");
  record.datasets["ct"].role = "internal";
  EXPECT_EQ(caveat_of_role(record, "internal"),
            "unknown which subjects trained and which were held out: the result does not say");
}

TEST(SplitMode, SaysWhatDecidedTheSides) {
  EXPECT_EQ(make_splits({source("ct", 1, 40)}, with(0.2)).front().mode, "block");
  EXPECT_EQ(make_splits({source("ct", 10, 2)}, with(0.2)).front().mode, "subject");
  SplitOptions options = with(0.2);
  options.leave_out = {"site=A"};
  EXPECT_EQ(make_splits({source("ct", 30, 2)}, options).front().mode, "mixed");  // the other sites are split by subject
}

}  // namespace
}  // namespace sam3lab::caveat_test
