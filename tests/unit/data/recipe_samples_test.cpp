// What recipes do to training samples and rates: random squares with padding, boxes as prompts, groups of constant rate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "core/optim/adamw.h"
#include "core/data/box_prompts.h"
#include "core/optim/constant_rate.h"
#include "core/data/resize_pad.h"
#include "core/data/sample.h"

namespace sam3lab::recipe_samples_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// 40 x 80 pixels; the object is a quarter as high and as wide as the image, with its corner at an eighth.
Sample square(std::int64_t side) {
  LabelledImage image;
  image.image = at::randint(1, 256, {40, 80, 3}, at::kByte);
  auto mask = at::zeros({1, 40, 80}, at::kBool);
  mask.narrow(1, 5, 10).narrow(2, 10, 20).fill_(true);
  image.labels.push_back({"a", mask});
  return make_sample(image, {{"a", "text a", true}, {"", "other", false}}, side);
}

TEST(RandomSide, IsAStepFromTheSmallestUpToTheModels) {
  AugmentOptions options;
  options.smallest_side = 480;
  Random random(1);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_side(options, 1008, random));
  EXPECT_EQ(seen.size(), 17U);  // 480, 512, ..., 992
  EXPECT_EQ(*seen.begin(), 480);
  EXPECT_EQ(*seen.rbegin(), 992);
  for (const auto side : seen) EXPECT_EQ(side % 32, 0);
}

TEST(RandomSide, DrawsNothingWhereItIsOff) {
  Random random(1);
  const auto before = random.state();
  EXPECT_EQ(random_side({}, 1008, random), 1008);
  EXPECT_EQ(random.state(), before);
}

TEST(Padded, ImageMasksAndBoxesMoveTogether) {
  AugmentOptions options;
  options.box_prompt = 1.0;
  Random random(3);
  std::set<std::int64_t> lefts;
  for (int i = 0; i < 50; ++i) {
    auto sample = square(64);
    give_boxes(sample, 40, 80, options, random);
    const auto before = sample;
    const auto after = padded(sample, 96, random);
    ASSERT_EQ(after.image.sizes(), at::IntArrayRef({3, 96, 96}));
    const auto rows = after.image.ne(0).any(0).any(1).nonzero(), columns = after.image.ne(0).any(0).any(0).nonzero();
    const auto top = rows.min().item<std::int64_t>(), left = columns.min().item<std::int64_t>();
    lefts.insert(left);
    EXPECT_TRUE(after.image.narrow(1, top, 64).narrow(2, left, 64).equal(before.image));
    EXPECT_EQ(after.image.sum(at::kLong).item<std::int64_t>(), before.image.sum(at::kLong).item<std::int64_t>())
        << "black around it";
    EXPECT_TRUE(after.masks[0].narrow(1, top, 64).narrow(2, left, 64).equal(before.masks[0]));
    EXPECT_EQ(after.masks[1].sizes(), at::IntArrayRef({0, 96, 96}));
    EXPECT_TRUE(at::allclose(after.boxes[0], boxes_of(after.masks[0]), 0, 1e-6)) << "the box stays on its object";
  }
  EXPECT_GT(lefts.size(), 10U) << "places are random";
}

TEST(Padded, TheSameWhereThereIsNoRoom) {
  Random random(1);
  const auto before = random.state();
  const auto sample = square(64);
  EXPECT_TRUE(padded(sample, 64, random).image.is_same(sample.image));
  EXPECT_EQ(random.state(), before);
}

TEST(BoxPrompts, ComeWithTheirProbabilityForPromptsWithTargets) {
  AugmentOptions options;
  options.box_prompt = 0.5;
  Random random(1);
  int boxes = 0;
  for (int i = 0; i < 1000; ++i) {
    auto sample = square(32);
    give_boxes(sample, 40, 80, options, random);
    boxes += sample.boxes[0].defined() ? 1 : 0;
    EXPECT_FALSE(sample.boxes[1].defined()) << "an absent concept has no box";
    EXPECT_EQ(sample.queries[0].text, "text a");
  }
  EXPECT_NEAR(boxes, 500, 60);
  options.box_prompt = 1.0;
  options.box_keeps_text = false;
  auto sample = square(32);
  give_boxes(sample, 40, 80, options, random);
  EXPECT_EQ(sample.queries[0].text, "visual");
  EXPECT_EQ(sample.queries[1].text, "other");
  EXPECT_TRUE(at::allclose(sample.boxes[0], boxes_of(sample.masks[0]))) << "no noise";
}

TEST(BoxPrompts, NoiseIsRelativeToTheBoxAndLimitedInPixelsOfTheDataset) {
  AugmentOptions options;
  options.box_prompt = 1.0;
  options.box_jitter = 0.1;
  Random random(1);
  const auto spread = [&](std::size_t coordinate) {
    double squares = 0.0, most = 0.0;
    for (int i = 0; i < 4000; ++i) {
      auto sample = square(64);
      give_boxes(sample, 40, 80, options, random);
      const auto box = sample.boxes[0][0], truth = boxes_of(sample.masks[0])[0];
      const auto edge = [&](const at::Tensor& of) {
        return (of[static_cast<std::int64_t>(coordinate)] - of[static_cast<std::int64_t>(coordinate) + 2] / 2).item<double>();
      };
      const double moved = edge(box) - edge(truth);
      squares += moved * moved;
      most = std::max(most, std::abs(moved));
    }
    return std::pair{std::sqrt(squares / 4000), most};
  };
  EXPECT_NEAR(spread(0).first, 0.1 * 0.25, 0.002) << "a tenth of the width, which is a quarter of the image";
  options.box_jitter = 1.0;
  options.box_jitter_most = 2.0;
  EXPECT_NEAR(spread(0).second, 2.0 / 80, 1e-6);
  EXPECT_NEAR(spread(1).second, 2.0 / 40, 1e-6);
}

TEST(BoxPrompts, StayInTheImageAndNeverVanish) {
  EXPECT_THAT(jittered({0.1, 0.1, 0.9, 0.9}, {-0.2, 0.0, 0.2, 0.0}), ElementsAre(0.0, 0.1, 1.0, 0.9));
  EXPECT_THAT(jittered({0.4, 0.4, 0.5, 0.5}, {0.2, 0.0, -0.2, 0.0}), ElementsAre(0.4, 0.4, 0.5, 0.5));
  EXPECT_THAT(jittered({0.4, 0.4, 0.5, 0.5}, {0.2, 0.2, -0.2, -0.2}), ElementsAre(0.4, 0.4, 0.5, 0.5)) << "turned inside out";
}

TEST(BoxPrompts, ArePackedBesideQueriesWithout) {
  AugmentOptions options;
  options.box_prompt = 1.0;
  Random random(1);
  const auto without = square(32);
  auto with = square(32);
  give_boxes(with, 40, 80, options, random);
  EXPECT_FALSE(collate({without}).box_prompts.boxes.defined());
  const auto prompts = collate({without, with}).box_prompts;
  ASSERT_EQ(prompts.boxes.sizes(), at::IntArrayRef({4, 1, 4}));
  EXPECT_TRUE(prompts.padding.flatten().to(at::kLong).equal(at::tensor({1, 1, 0, 1}, at::kLong)));
  EXPECT_TRUE(prompts.labels.eq(1).all().item<bool>());
  EXPECT_TRUE(prompts.boxes[2].equal(with.boxes[0]));
}

std::vector<ParameterGroup> groups() {
  const auto one = [] { return at::ones({1}).requires_grad_(); };
  return {{"encoder", {{"encoder.0.weight", one()}, {"encoder.1.weight", one()}}, 0.1, 0.0},
          {"decoder", {{"decoder.0.weight", one()}}, 0.1, 0.0}};
}

TEST(ConstantRate, TakesWholeGroups) {
  auto all = groups();
  EXPECT_THAT(constant_rates(all, {"encoder.*"}), ElementsAre(true, false));
  EXPECT_THAT(constant_rates(all, {"encoder.0.*", "encoder.1.*"}), ElementsAre(true, false));
  EXPECT_THAT(constant_rates(all, {}), ElementsAre(false, false));
  name_constant_rates(all, {"encoder.*"});
  EXPECT_EQ(all[0].name, "encoder.constant_rate");
  EXPECT_TRUE(keeps_rate(all[0].name));
  EXPECT_FALSE(keeps_rate(all[1].name));
}

TEST(ConstantRate, RefusesPartsOfGroupsAndPatternsThatMatchNothing) {
  try {
    (void)constant_rates(groups(), {"encoder.0.*", "head.*"});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("a part of the group 'encoder'"));
    EXPECT_THAT(error.what(), HasSubstr("encoder.0.weight, but not encoder.1.weight"));
    EXPECT_THAT(error.what(), HasSubstr("'head.*' matches nothing"));
  }
}

TEST(ConstantRate, AGroupStepsByItsOwnFactor) {
  const auto all = groups();
  AdamW optimiser(all, {});
  for (const auto& group : all) {
    for (const auto& [name, parameter] : group.parameters) parameter.mutable_grad() = at::ones({1});
  }
  optimiser.step({1.0, 0.0});
  EXPECT_NEAR(all[0].parameters[1].second.item<double>(), 0.9, 1e-6);
  EXPECT_EQ(all[1].parameters[0].second.item<double>(), 1.0);
}

}  // namespace
}  // namespace sam3lab::recipe_samples_test
