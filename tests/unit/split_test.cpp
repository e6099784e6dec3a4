#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/random.h>

#include "core/train/split.h"

namespace sam3lab {
namespace {

SplitSource slices(const std::string& name, const std::string& subject, int count, double gap, int first = 0) {
  SplitSource source{name, {}, gap, false};
  for (int i = first; i < first + count; ++i) {
    source.items.push_back(
        {subject + "/axial/" + std::to_string(i), subject, static_cast<double>(i), static_cast<double>(i + 1)});
  }
  return source;
}

SplitSource tiles(int columns, int rows, double side, double stride, double gap) {
  SplitSource source{"tiles", {}, gap, false};
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      source.items.push_back(
          {"picture/columns/" + std::to_string(y) + "_" + std::to_string(x), "picture", x * stride, x * stride + side});
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
    const SplitOptions options{0.05 + 0.3 * random.uniform(), static_cast<std::int64_t>(random.below(1000)),
                               1 + static_cast<std::int64_t>(random.below(5)), "auto"};
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
    const auto split = make_splits({source}, {0.15, seed, 1, "auto"}).front();
    expect_complete(source, split);
    expect_gap(source, split, source, split, 10);
    EXPECT_FALSE(split.held_out.empty());
    EXPECT_FALSE(split.dropped.empty());
  }
}

TEST(Split, DatasetsOfOneSubjectShareItsBlocks) {
  for (int seed = 0; seed < 40; ++seed) {
    const auto lobes = slices("lobes", "ch2", 140, 2, 8), brain = slices("brain", "ch2", 170, 4, 0);
    const auto splits = make_splits({lobes, brain}, {0.15, seed, 4, "auto"});
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
  const auto split = make_splits({source}, {0.15, 3, 1, "auto"}).front();
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
  const auto both = make_splits({source, other}, {0.15, 3, 1, "auto"});
  EXPECT_EQ(both[0].held_out, both[1].held_out);
}

TEST(Split, IsTheSameEachTimeAndFollowsItsSeed) {
  const auto source = slices("volume", "subject", 181, 3);
  const auto a = make_splits({source}, {0.15, 5, 4, "auto"}).front(), b = make_splits({source}, {0.15, 5, 4, "auto"}).front();
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(a.sha256.size(), 64U);
  EXPECT_NE(a.sha256, make_splits({source}, {0.15, 6, 4, "auto"}).front().sha256);
}

TEST(Split, ExternalDatasetsAreHeldOutWhole) {
  auto external = slices("external", "macaque", 30, 1);
  external.external = true;
  const auto splits = make_splits({slices("volume", "subject", 60, 1), external}, {0.15, 0, 1, "auto"});
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
  EXPECT_THAT(refusal({slices("volume", "subject", 60, 1), external}, {0.15, 0, 1, "auto"}), HasSubstr("shares a subject"));

  auto coronal = slices("coronal", "subject", 60, 1);
  for (auto& item : coronal.items) item.id = "subject/coronal/" + item.id.substr(item.id.rfind('/') + 1);
  EXPECT_THAT(refusal({slices("axial", "subject", 60, 1), coronal}, {0.15, 0, 1, "auto"}), HasSubstr("two axes"));

  EXPECT_THAT(refusal({slices("one", "subject", 1, 0)}, {0.15, 0, 1, "auto"}), HasSubstr("leaves a side empty"));
  EXPECT_THAT(refusal({slices("narrow", "subject", 6, 10)}, {0.15, 0, 1, "auto"}), HasSubstr("leaves a side empty"));
  EXPECT_THAT(refusal({SplitSource{"none", {}, 0, false}}, {0.15, 0, 1, "auto"}), HasSubstr("leaves a side empty"));
  EXPECT_THAT(refusal({slices("one subject", "subject", 60, 1)}, {0.15, 0, 1, "subject"}), HasSubstr("leaves a side empty"));
}

}  // namespace
}  // namespace sam3lab
