#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/config/check_data.h"
#include "core/data/split.h"
#include "core/data/split_file.h"
#include "tests/support/make_files.h"

namespace sam3lab::split_test {
namespace {

SplitOptions division(double held_out, std::int64_t seed, std::int64_t blocks, const std::string& mode) {
  SplitOptions options;
  options.held_out = held_out;
  options.seed = seed;
  options.blocks = blocks;
  options.mode = mode;
  return options;
}

SplitSource slices(const std::string& name, const std::string& subject, int count, double gap, int first = 0) {
  SplitSource source{name, {}, gap, false};
  for (int i = first; i < first + count; ++i) {
    source.items.push_back(
        {subject + "/axial/" + std::to_string(i), subject, static_cast<double>(i), static_cast<double>(i + 1), "", ""});
  }
  return source;
}

SplitSource tiles(int columns, int rows, double side, double stride, double gap) {
  SplitSource source{"tiles", {}, gap, false};
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      source.items.push_back(
          {"picture/columns/" + std::to_string(y) + "_" + std::to_string(x), "picture", x * stride, x * stride + side, "", ""});
    }
  }
  return source;
}

void expect_complete(const SplitSource& source, const Split& split) {
  std::set<std::int64_t> seen;
  for (const auto* side : {&split.train, &split.held_out, &split.dropped}) {
    EXPECT_TRUE(std::is_sorted(side->begin(), side->end()));
    seen.insert(side->begin(), side->end());
  }
  EXPECT_EQ(seen.size(), source.items.size());
  EXPECT_EQ(split.train.size() + split.held_out.size() + split.dropped.size(), source.items.size());
}

// No trained item of a subject comes nearer than the gap to a held-out one.
void expect_gap(const SplitSource& trained, const Split& a, const SplitSource& held, const Split& b, double gap) {
  for (const auto t : a.train) {
    for (const auto h : b.held_out) {
      const auto& x = trained.items[static_cast<std::size_t>(t)];
      const auto& y = held.items[static_cast<std::size_t>(h)];
      if (x.subject != y.subject) continue;
      ASSERT_TRUE(x.end <= y.begin - gap + 1e-6 || x.begin >= y.end + gap - 1e-6) << x.id << " is trained on beside " << y.id;
    }
  }
}

TEST(Split, BlocksKeepTheGapForRandomInputs) {
  Random random(7, "split test");
  for (int round = 0; round < 300; ++round) {
    const auto gap = static_cast<double>(random.below(6));
    const int count = 40 + static_cast<int>(random.below(200));
    const auto share = 0.05 + 0.3 * random.uniform();
    const auto seed = static_cast<std::int64_t>(random.below(1000));
    const auto options = division(share, seed, 1 + static_cast<std::int64_t>(random.below(5)), "auto");
    const auto source = slices("volume", "subject", count, gap);
    const auto split = make_splits({source}, options).front();
    expect_complete(source, split);
    expect_gap(source, split, source, split, gap);
    const auto held = static_cast<double>(split.held_out.size()) / count;
    EXPECT_NEAR(held, options.held_out, 2.5 * static_cast<double>(options.blocks) / count);
    EXPECT_FALSE(split.by_subject);
  }
}

TEST(Split, OverlappingTilesNeverShareColumns) {
  for (int seed = 0; seed < 40; ++seed) {
    const auto source = tiles(15, 4, 128, 64, 10);
    const auto split = make_splits({source}, division(0.15, seed, 1, "auto")).front();
    expect_complete(source, split);
    expect_gap(source, split, source, split, 10);
    EXPECT_FALSE(split.held_out.empty());
    EXPECT_FALSE(split.dropped.empty());
  }
}

TEST(Split, DatasetsOfOneSubjectShareItsBlocks) {
  for (int seed = 0; seed < 40; ++seed) {
    const auto lobes = slices("lobes", "ch2", 140, 2, 8), brain = slices("brain", "ch2", 170, 4, 0);
    const auto splits = make_splits({lobes, brain}, division(0.15, seed, 4, "auto"));
    expect_gap(lobes, splits[0], brain, splits[1], 4);
    expect_gap(brain, splits[1], lobes, splits[0], 4);
  }
}

TEST(Split, ManySubjectsAreSplitWhole) {
  SplitSource source{"many", {}, 1, false};
  for (int s = 0; s < 20; ++s) {
    const auto one = slices("", "s" + std::to_string(s), 5, 1);
    source.items.insert(source.items.end(), one.items.begin(), one.items.end());
  }
  const auto split = make_splits({source}, division(0.15, 3, 1, "auto")).front();
  EXPECT_TRUE(split.by_subject);
  EXPECT_EQ(split.held_out.size(), 15U);  // 3 of 20 subjects, 5 slices each
  EXPECT_TRUE(split.dropped.empty());
  std::set<std::string> trained, held;
  for (const auto i : split.train) trained.insert(source.items[static_cast<std::size_t>(i)].subject);
  for (const auto i : split.held_out) held.insert(source.items[static_cast<std::size_t>(i)].subject);
  for (const auto& name : held) EXPECT_FALSE(trained.contains(name));
  // Another dataset of the same subjects, and some more: whoever was held out stays so.
  auto other = source;
  other.name = "other";
  const auto both = make_splits({source, other}, division(0.15, 3, 1, "auto"));
  EXPECT_EQ(both[0].held_out, both[1].held_out);
}

TEST(Split, IsTheSameEachTimeAndFollowsItsSeed) {
  const auto source = slices("volume", "subject", 181, 3);
  const auto a = make_splits({source}, division(0.15, 5, 4, "auto")).front(),
             b = make_splits({source}, division(0.15, 5, 4, "auto")).front();
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(a.sha256.size(), 64U);
  EXPECT_NE(a.sha256, make_splits({source}, division(0.15, 6, 4, "auto")).front().sha256);
}

TEST(Split, ExternalDatasetsAreHeldOutWhole) {
  auto external = slices("external", "macaque", 30, 1);
  external.external = true;
  const auto splits = make_splits({slices("volume", "subject", 60, 1), external}, division(0.15, 0, 1, "auto"));
  EXPECT_EQ(splits[1].held_out.size(), 30U);
  EXPECT_TRUE(splits[1].by_subject);
}

std::string refusal(const std::vector<SplitSource>& sources, const SplitOptions& options) {
  try {
    make_splits(sources, options);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(Split, RefusesWhatWouldLeakOrStayEmpty) {
  using testing::HasSubstr;
  auto external = slices("external", "subject", 30, 1);
  external.external = true;
  EXPECT_THAT(refusal({slices("volume", "subject", 60, 1), external}, division(0.15, 0, 1, "auto")),
              HasSubstr("shares a subject"));

  auto coronal = slices("coronal", "subject", 60, 1);
  for (auto& item : coronal.items) item.id = "subject/coronal/" + item.id.substr(item.id.rfind('/') + 1);
  EXPECT_THAT(refusal({slices("axial", "subject", 60, 1), coronal}, division(0.15, 0, 1, "auto")), HasSubstr("two axes"));

  EXPECT_THAT(refusal({slices("one", "subject", 1, 0)}, division(0.15, 0, 1, "auto")), HasSubstr("leaves a side empty"));
  EXPECT_THAT(refusal({slices("narrow", "subject", 6, 10)}, division(0.15, 0, 1, "auto")), HasSubstr("leaves a side empty"));
  EXPECT_THAT(refusal({SplitSource{"none", {}, 0, false}}, division(0.15, 0, 1, "auto")), HasSubstr("leaves a side empty"));
  EXPECT_THAT(refusal({slices("one subject", "subject", 60, 1)}, division(0.15, 0, 1, "subject")),
              HasSubstr("leaves a side empty"));
}

// 20 subjects of 3 images each, of sites A (0 to 4), B and so on; odd subjects are of subset "test".
SplitSource study(const std::string& name, const std::string& modality, const std::string& prefix = "p") {
  SplitSource source{name, {}, 0, false, modality};
  for (int s = 0; s < 20; ++s) {
    for (int i = 0; i < 3; ++i) {
      const auto subject = prefix + std::to_string(s);
      source.items.push_back({subject + "_" + std::to_string(i), subject, 0, 1, s % 2 == 1 ? "test" : "train",
                              std::string(1, static_cast<char>('A' + s / 5))});
    }
  }
  return source;
}

const Item& item_of(const SplitSource& source, std::int64_t i) { return source.items[static_cast<std::size_t>(i)]; }

TEST(Split, FoldsHoldOutEverySubjectOnce) {
  const auto source = study("study", "ct");
  auto half = study("half", "ct");
  half.items.resize(30);
  SplitOptions options;
  options.folds = 4;
  std::map<std::string, int> held;
  for (options.fold = 0; options.fold < 4; ++options.fold) {
    const auto splits = make_splits({source, half}, options);
    EXPECT_EQ(splits[0].held_out.size(), 15U);  // 5 subjects
    EXPECT_TRUE(splits[0].by_subject);
    expect_complete(source, splits[0]);
    std::set<std::string> held_here;
    for (const auto i : splits[0].held_out) held_here.insert(item_of(source, i).subject);
    for (const auto& subject : held_here) ++held[subject];
    for (const auto i : splits[1].train) EXPECT_FALSE(held_here.contains(item_of(half, i).subject));
  }
  EXPECT_EQ(held.size(), 20U);
  for (const auto& [subject, times] : held) EXPECT_EQ(times, 1) << subject;
  options.fold = 0, options.folds = 21;
  EXPECT_THAT(refusal({source}, options), testing::HasSubstr("too few groups"));
}

TEST(Split, OfficialPartsAreFollowedAndNeverLeak) {
  auto source = study("study", "ct");
  source.items[0].subset = source.items[1].subset = source.items[2].subset = "validation";
  SplitOptions options;
  options.official = "test";
  // Without subsets of its own, but of the same people: it follows.
  auto other = study("other", "mri");
  for (auto& item : other.items) item.subset = "";
  const auto splits = make_splits({source, other}, options);
  for (const auto& split : splits) {
    EXPECT_EQ(split.held_out.size(), 30U);
    EXPECT_EQ(split.train.size(), 27U);
    EXPECT_EQ(split.dropped, (std::vector<std::int64_t>{0, 1, 2}));
  }
  for (const auto i : splits[1].held_out) EXPECT_EQ(item_of(source, i).subset, "test");
  options.official = "fold7";
  EXPECT_THAT(refusal({source}, options), testing::HasSubstr("no such subset"));
  options.official = "test";
  source.items[4].subset = "train";  // its subject's other images are held out
  EXPECT_THAT(refusal({source}, options), testing::HasSubstr("trains on 'p1' and holds it out"));
}

TEST(Split, LeavesOutModalitiesSitesAndDatasets) {
  const auto ct = study("ct_study", "ct"), mri = study("mri_study", "mri", "m");
  auto both = study("both", "mri");  // subjects of the CT study
  SplitOptions options;
  options.leave_out = {"modality=ct"};
  const auto splits = make_splits({ct, mri}, options);
  EXPECT_EQ(splits[0].held_out.size(), 60U);
  EXPECT_EQ(splits[1].held_out.size(), 9U);  // 3 of 20 subjects, as without it
  EXPECT_EQ(splits[1].train.size(), 51U);
  EXPECT_THAT(refusal({ct, both}, options), testing::HasSubstr("leaves a side empty")) << "nothing of them may train";

  options.leave_out = {"site=B", "dataset=mri_study"};
  const auto sites = make_splits({ct, mri}, options);
  EXPECT_EQ(sites[1].held_out.size(), 60U);
  for (const auto i : sites[0].train) EXPECT_NE(item_of(ct, i).site, "B");
  std::set<std::string> held_sites;
  for (const auto i : sites[0].held_out) held_sites.insert(item_of(ct, i).site);
  EXPECT_TRUE(held_sites.contains("B"));
  options.leave_out = {"site=Z"};
  EXPECT_THAT(refusal({ct}, options), testing::HasSubstr("no item of that site"));
  EXPECT_EQ(split_selector("site=a=b"), (std::pair<std::string, std::string>{"site", "a=b"}));
  EXPECT_EQ(split_selector("sites=a").first, "");
  EXPECT_EQ(split_selector("site=").first, "");
}

TEST(Split, BySiteHoldsOutWholeSites) {
  const auto source = study("study", "ct");
  SplitOptions options;
  options.by = "site";
  const auto split = make_splits({source}, options).front();
  EXPECT_EQ(split.held_out.size(), 15U);  // one site of four
  std::set<std::string> held;
  for (const auto i : split.held_out) held.insert(item_of(source, i).site);
  EXPECT_EQ(held.size(), 1U);
  auto moved = source;
  moved.items[1].site = "B";
  EXPECT_THAT(refusal({moved}, options), testing::HasSubstr("two sites"));
}

TEST(Split, FileBringsTheSameSidesBackAndRefusesOthers) {
  const test::TempFolder folder;
  const auto file = folder / "split.json";
  const auto source = study("study", "ct"), volume = slices("volume", "subject", 60, 1);
  const auto splits = make_splits({source, volume}, {});
  write_splits(file, {source, volume}, splits);
  SplitOptions options;
  options.file = file;
  const auto again = make_splits({source, volume}, options);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_EQ(again[s].train, splits[s].train);
    EXPECT_EQ(again[s].held_out, splits[s].held_out);
    EXPECT_EQ(again[s].sha256, splits[s].sha256);
    EXPECT_EQ(again[s].by_subject, splits[s].by_subject);
  }
  using testing::HasSubstr;
  EXPECT_THAT(refusal({study("another", "ct")}, options), HasSubstr("lacks dataset 'another'"));
  auto fewer = source;
  fewer.items.pop_back();
  EXPECT_THAT(refusal({fewer}, options), HasSubstr("names items that the data lack"));
  auto more = source;
  more.items.push_back({"new", "new", 0, 1, "", ""});
  EXPECT_THAT(refusal({more}, options), HasSubstr("lacks items of the data"));

  const auto bytes = test::read_bytes(file);
  std::string text(bytes.begin(), bytes.end());
  const auto held = item_of(source, splits[0].held_out.front()).id;
  const auto rewritten = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    changed.replace(changed.find(from), from.size(), to);
    test::write_text(file, changed);
    return refusal({source, volume}, options);
  };
  EXPECT_THAT(rewritten("\"train\": [", "\"train\": [\"" + held + "\","), HasSubstr("names an item twice"));
  // One image of a held-out subject trains.
  auto leaking = text;
  leaking.erase(leaking.find("\"" + held + "\","), held.size() + 3);
  leaking.replace(leaking.find("\"train\": ["), 10, "\"train\": [\"" + held + "\",");
  test::write_text(file, leaking);
  EXPECT_THAT(refusal({source, volume}, options), HasSubstr("trains and holds out what overlaps"));
  EXPECT_THAT(rewritten(splits[0].sha256, std::string(64, '0')), HasSubstr("another SHA-256"));
  EXPECT_THAT(rewritten("sam3lab-split-1", "sam3lab-split-9"), HasSubstr("another format"));
  test::write_text(file, text.substr(0, text.size() / 2));
  EXPECT_THAT(refusal({source, volume}, options), HasSubstr("no JSON object"));
}

}  // namespace
}  // namespace sam3lab::split_test
