// Samples, augmentation, schedule and optimiser.
#include <gtest/gtest.h>

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/optim/adamw.h>

#include "core/optim/adamw.h"
#include "core/data/augment.h"
#include "core/data/sample.h"
#include "core/optim/schedule.h"

namespace sam3lab::train_training_test {
namespace {

at::Tensor rectangle(std::int64_t side, std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width) {
  auto mask = at::zeros({1, side, side}, at::kBool);
  mask.narrow(1, top, height).narrow(2, left, width).fill_(true);
  return mask;
}

LabelledImage labelled(std::int64_t side) {
  LabelledImage image;
  image.image = at::randint(0, 256, {side, side, 3}, at::kByte);
  image.labels.push_back({"a", rectangle(side, 4, 8, 12, 16)});
  return image;
}

TEST(Sample, BoxesAreCentreAndSizeOfTheMask) {
  const auto boxes = boxes_of(rectangle(32, 4, 8, 12, 16));
  EXPECT_TRUE(at::allclose(boxes, at::tensor({16.0F / 32, 10.0F / 32, 16.0F / 32, 12.0F / 32}).view({1, 4})));
  EXPECT_EQ(boxes_of(at::zeros({0, 32, 32}, at::kBool)).sizes(), at::IntArrayRef({0, 4}));
  EXPECT_TRUE(at::allclose(boxes_of(at::ones({1, 32, 32}, at::kBool)), at::tensor({0.5F, 0.5F, 1.0F, 1.0F}).view({1, 4})));
}

TEST(Sample, CollatePacksTargetsQueryByQuery) {
  const auto image = labelled(32);
  const auto first = make_sample(image, {{"a", "text a", true}, {"", "other", false}}, 32);
  const auto second = make_sample(image, {{"a", "text a", true}}, 32);
  const auto batch = collate({first, second});
  EXPECT_EQ(batch.texts, (std::vector<std::string>{"text a", "other", "text a"}));
  EXPECT_TRUE(batch.image_index.equal(at::tensor({0, 0, 1}, at::kLong)));
  EXPECT_TRUE(batch.targets.num_boxes.equal(at::tensor({1, 0, 1}, at::kLong)));
  EXPECT_EQ(batch.targets.boxes_padded.sizes(), at::IntArrayRef({3, 1, 4}));
  EXPECT_TRUE(batch.targets.boxes_padded.select(0, 1).eq(0).all().item<bool>());
  EXPECT_TRUE(at::allclose(batch.targets.boxes_padded.select(0, 2).select(0, 0), batch.targets.boxes[1]));
  EXPECT_FLOAT_EQ(batch.images.min().item<float>(), image.image.min().item<float>() / 127.5F - 1.0F);
}

TEST(Sample, AMaskThatVanishesMakesItsQueryAbsent) {
  auto image = labelled(128);
  image.labels[0].masks = rectangle(128, 3, 3, 1, 1);
  const auto sample = make_sample(image, {{"a", "text a", true}}, 16);
  EXPECT_FALSE(sample.queries[0].present);
  EXPECT_EQ(sample.masks[0].size(0), 0);
}

TEST(Sample, ABatchWithoutAnyTargetIsWhole) {
  const auto batch = collate({make_sample(labelled(32), {{"", "other", false}}, 32)});
  EXPECT_EQ(batch.targets.masks.sizes(), at::IntArrayRef({0, 32, 32}));
  EXPECT_EQ(batch.targets.boxes_padded.sizes(), at::IntArrayRef({1, 1, 4}));
}

TEST(Augment, NothingChangesWhereEverythingIsZero) {
  const auto sample = make_sample(labelled(32), {{"a", "text a", true}}, 32);
  Random random(1);
  const auto same = augment(sample, {}, random);
  EXPECT_TRUE(same.image.equal(sample.image));
  EXPECT_TRUE(same.masks[0].equal(sample.masks[0]));
}

TEST(Augment, AMirrorMovesImageAndMaskTogether) {
  const auto sample = make_sample(labelled(32), {{"a", "text a", true}}, 32);
  AugmentOptions options;
  options.flip = 1.0;
  Random random(1);
  const auto mirrored = augment(sample, options, random);
  EXPECT_TRUE(mirrored.image.equal(sample.image.flip(2)));
  EXPECT_TRUE(mirrored.masks[0].equal(sample.masks[0].flip(2)));
}

TEST(Augment, ChanceComesFromTheSeedAlone) {
  const auto sample = make_sample(labelled(32), {{"a", "text a", true}}, 32);
  const AugmentOptions options{10, 0.1, 0.1, 0.1, 0.1, 0.05, 0.5};
  Random a(5), b(5), c(6);
  const auto first = augment(sample, options, a), again = augment(sample, options, b), other = augment(sample, options, c);
  EXPECT_TRUE(first.image.equal(again.image));
  EXPECT_FALSE(first.image.equal(other.image));
}

TEST(Schedule, FollowsThePublishedFormula) {
  const Schedule schedule{"inverse_square_root", 200, 20, 20, 20};
  EXPECT_DOUBLE_EQ(schedule.factor(0), 0.0);
  EXPECT_DOUBLE_EQ(schedule.factor(10), 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(20), 1.0);
  EXPECT_DOUBLE_EQ(schedule.factor(100), 1.0 / std::sqrt((100.0 + 20 - 20) / 20));
  EXPECT_DOUBLE_EQ(schedule.factor(190), 1.0 / std::sqrt(190.0 / 20) * 0.5);
  EXPECT_DOUBLE_EQ(schedule.factor(200), 0.0);
  const Schedule cosine{"cosine", 100, 0, 0, 1};
  EXPECT_DOUBLE_EQ(cosine.factor(0), 1.0);
  EXPECT_NEAR(cosine.factor(50), 0.5, 1e-12);
  EXPECT_NEAR(cosine.factor(100), 0.0, 1e-12);
}

// Ten steps on a convex function, beside LibTorch's own AdamW; one parameter has no gradient and must stay.
TEST(AdamW, StepsAsLibTorchDoes) {
  const auto start = at::arange(6, at::kFloat).view({2, 3});
  auto ours = start.clone().requires_grad_(), theirs = start.clone().requires_grad_(), idle = at::ones({2}).requires_grad_();
  AdamW optimiser({{"all", {{"w", ours}, {"idle", idle}}, 0.05, 0.1}}, {0.9, 0.98, 1e-8});
  torch::optim::AdamW reference({theirs}, torch::optim::AdamWOptions(0.05).betas({0.9, 0.98}).eps(1e-8).weight_decay(0.1));
  for (int step = 0; step < 10; ++step) {
    optimiser.clear_gradients();
    reference.zero_grad();
    (ours - 3).pow(2).sum().backward();
    (theirs - 3).pow(2).sum().backward();
    optimiser.step(1.0);
    reference.step();
  }
  EXPECT_TRUE(at::allclose(ours, theirs, 1e-6, 1e-7));
  EXPECT_TRUE(idle.equal(at::ones({2})));
}

TEST(AdamW, ClippingScalesAllGradientsTogether) {
  auto a = at::zeros({1}).requires_grad_(), b = at::zeros({1}).requires_grad_();
  AdamW optimiser({{"a", {{"a", a}}, 0.1, 0.0}, {"b", {{"b", b}}, 0.1, 0.0}}, {});
  a.mutable_grad() = at::full({1}, 3.0F);
  b.mutable_grad() = at::full({1}, 4.0F);
  EXPECT_DOUBLE_EQ(optimiser.clip(0.0), 5.0);
  optimiser.step(1.0);
  EXPECT_NEAR(optimiser.state().at("first.a").item<float>(), 0.1F * 3.0F, 1e-6);
  a.mutable_grad() = at::full({1}, 3.0F);
  b.mutable_grad() = at::full({1}, 4.0F);
  EXPECT_DOUBLE_EQ(optimiser.clip(1.0), 5.0);
  optimiser.step(1.0);
  EXPECT_NEAR(optimiser.state().at("first.a").item<float>(), 0.9F * 0.3F + 0.1F * 0.6F, 1e-6);
  EXPECT_NEAR(optimiser.state().at("first.b").item<float>(), 0.9F * 0.4F + 0.1F * 0.8F, 1e-6);
}

// Moments in bfloat16 follow those in float32 though a second moment's change in one step is below the type's precision, and
// threads change nothing.
TEST(AdamW, HalfMomentsFollowTheExactOnes) {
  at::manual_seed(5);
  const auto start = at::randn({300, 500}), goal = at::randn({300, 500});
  const auto run = [&](bool half, int threads) {
    at::set_num_threads(threads);
    auto w = start.clone().requires_grad_();
    AdamW optimiser({{"all", {{"w", w}}, 0.01, 0.1}}, {.half_moments = half});
    at::manual_seed(9);
    for (int step = 0; step < 200; ++step) {
      w.mutable_grad() = (w.detach() - goal) + 0.5 * at::randn({300, 500});
      optimiser.clip(10.0);
      optimiser.step(1.0);
    }
    return std::pair{w.detach(), optimiser.state()};
  };
  const int before = at::get_num_threads();
  const auto [exact, moments] = run(false, 1);
  const auto [half, half_moments] = run(true, 1);
  const auto [divided, divided_moments] = run(true, 3);
  at::set_num_threads(before);
  EXPECT_LT(((half - exact).norm() / (exact - start).norm()).item<double>(), 0.01);
  EXPECT_EQ(half_moments.at("second.w").scalar_type(), at::kBFloat16);
  // Unbiased: errors of single numbers cancel in the mean.
  const auto mean = [](const Tensors& state) { return state.at("second.w").to(at::kDouble).mean().item<double>(); };
  EXPECT_NEAR(mean(half_moments) / mean(moments), 1.0, 1e-3);
  EXPECT_TRUE(at::equal(half, divided));
  EXPECT_TRUE(at::equal(half_moments.at("first.w"), divided_moments.at("first.w")));
}

}  // namespace
}  // namespace sam3lab::train_training_test
