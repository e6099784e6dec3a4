// Ignored pixels: neither truth nor prediction in them changes a sample, a loss or a gradient.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "core/data/augment.h"
#include "core/data/sample.h"
#include "plugins/losses/grounding/grounding_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/schemes/distill/distill_terms.h"

namespace sam3lab::ignore_test {
using namespace losses::grounding;
using namespace losses::instance_mask;
using namespace losses::semantic_mask;
using namespace schemes::distill;
namespace {

constexpr std::int64_t side = 16, half = side / 2;

// Two prompts with two and one targets; the right half is ignored for the first prompt, the left half for the second.
struct Scene {
  Scene() {
    torch::manual_seed(7);
    targets.num_boxes = at::tensor({2, 1}, at::kLong);
    targets.masks = at::rand({3, side, side}) > 0.5;
    targets.ignore = at::zeros({2, side, side}, at::kBool);
    targets.ignore[0].narrow(1, half, half).fill_(true);
    targets.ignore[1].narrow(1, 0, half).fill_(true);
    logits = at::randn({2, 2, side, side});
    semantic = at::randn({2, 1, side, side});
    features = at::randn({2, 4, 4, 4});
    matches = {at::tensor({0, 0, 1}, at::kLong), at::tensor({1, 0, 0}, at::kLong), at::tensor({0, 1, 2}, at::kLong)};
  }
  // Values of all terms of a loss; gradients are left in the leaves.
  std::vector<double> values(const Loss& loss) {
    Outputs outputs;
    for (auto* leaf : {&logits, &semantic, &features}) *leaf = leaf->detach().requires_grad_(true);
    outputs.last.one_to_one.logits = at::zeros({2, 2, 1});
    outputs.last.one_to_one.masks = logits;
    outputs.semantic = semantic;
    outputs.extras = {{"pixel_features", features},
                      {"prompt_embedding", at::eye(2, 4)},
                      {"prompt_tokens", at::arange(2, at::kLong).unsqueeze(1)}};
    std::vector<double> values;
    at::Tensor total = at::zeros({});
    for (const auto& term : loss.terms({outputs.last.one_to_one, none, targets, matches, 3.0, false, false, outputs})) {
      values.push_back(term.value.item<double>());
      total = total + term.value;
    }
    total.backward();
    return values;
  }
  // Other truth and other predictions in the ignored pixels; features in cells that are ignored altogether.
  void disturb() {
    const auto of_target = targets.ignore.repeat_interleave(targets.num_boxes, 0);
    targets.masks = targets.masks.logical_xor(of_target);
    const at::NoGradGuard no_grad;
    logits = logits.masked_fill(targets.ignore.unsqueeze(1), 40.0);
    semantic = semantic.masked_fill(targets.ignore.unsqueeze(1), -40.0);
    features = features.clone();
    features[0].narrow(2, 2, 2).fill_(9.0);
    features[1].narrow(2, 0, 2).fill_(-9.0);
  }
  [[nodiscard]] at::Tensor ignored(const at::Tensor& gradient) const {
    return gradient.masked_select(targets.ignore.unsqueeze(1).expand_as(gradient));
  }
  Targets targets;
  at::Tensor logits, semantic, features, none;
  Matches matches;
};

void expect_untouched(const Loss& loss) {
  Scene scene;
  const auto before = scene.values(loss);
  ASSERT_FALSE(before.empty());
  for (const double value : before) EXPECT_GT(std::abs(value), 1e-3);
  scene.disturb();
  EXPECT_EQ(scene.values(loss), before);
  for (const auto& leaf : {scene.logits, scene.semantic}) {
    if (!leaf.grad().defined()) continue;
    EXPECT_EQ(scene.ignored(leaf.grad()).abs().max().item<float>(), 0.0F);
    EXPECT_GT(leaf.grad().abs().max().item<float>(), 0.0F);
  }
  if (scene.features.grad().defined()) {
    EXPECT_EQ(scene.features.grad()[0].narrow(2, 2, 2).abs().max().item<float>(), 0.0F);
    EXPECT_GT(scene.features.grad().abs().max().item<float>(), 0.0F);
  }
  // The test can fail: without the ignored pixels' mark all of this counts.
  scene.targets.ignore = at::Tensor();
  EXPECT_NE(scene.values(loss), before);
}

TEST(Ignore, ChangesNothingInInstanceMasks) { expect_untouched(InstanceMaskLoss(InstanceMaskOptions{})); }
TEST(Ignore, ChangesNothingInTheSemanticMap) { expect_untouched(SemanticMaskLoss(SemanticMaskOptions{})); }
TEST(Ignore, ChangesNothingInTheSemanticMapAtItsOwnSize) {
  SemanticMaskOptions options;
  options.downsample = true;
  expect_untouched(SemanticMaskLoss(options));
}
TEST(Ignore, ChangesNothingInGrounding) { expect_untouched(GroundingLoss(GroundingOptions{})); }

// What counts is compared as if the rest of the image did not exist.
TEST(Ignore, LeavesTheLossOfWhatRemains) {
  Scene scene;
  scene.targets.ignore.zero_();
  scene.targets.ignore.narrow(2, half, half).fill_(true);
  Scene cut = scene;
  cut.targets.ignore = at::Tensor();
  cut.targets.masks = scene.targets.masks.narrow(2, 0, half).contiguous();
  cut.logits = scene.logits.narrow(3, 0, half).contiguous();
  cut.semantic = scene.semantic.narrow(3, 0, half).contiguous();
  const InstanceMaskLoss instance(InstanceMaskOptions{});
  const SemanticMaskLoss semantic(SemanticMaskOptions{});
  for (const Loss* loss : {static_cast<const Loss*>(&instance), static_cast<const Loss*>(&semantic)}) {
    const auto with = scene.values(*loss), without = cut.values(*loss);
    ASSERT_EQ(with.size(), without.size());
    for (std::size_t i = 0; i < with.size(); ++i) EXPECT_NEAR(with[i], without[i], 1e-5);
  }
}

TEST(Ignore, SemanticMapThatIsCoarserThanTheTargets) {
  SemanticMaskOptions options;
  options.downsample = true;
  Scene scene;
  scene.semantic = at::randn({2, 1, 4, 4});
  const auto before = scene.values(SemanticMaskLoss(options));
  scene.semantic = scene.semantic.detach().clone();
  scene.semantic[0].narrow(2, 2, 2).fill_(30.0);  // the right half of the map
  scene.targets.masks = scene.targets.masks.logical_xor(scene.targets.ignore.repeat_interleave(scene.targets.num_boxes, 0));
  EXPECT_EQ(scene.values(SemanticMaskLoss(options)), before);
}

TEST(Ignore, EverythingIgnoredIsALossOfNothing) {
  Scene scene;
  scene.targets.ignore.fill_(true);
  for (const double value : scene.values(SemanticMaskLoss(SemanticMaskOptions{}))) EXPECT_EQ(value, 0.0);
  for (const double value : scene.values(InstanceMaskLoss(InstanceMaskOptions{}))) EXPECT_EQ(value, 0.0);
  EXPECT_EQ(scene.logits.grad().abs().max().item<float>(), 0.0F);
}

TEST(Ignore, HasNoPartInWhatATeacherSays) {
  torch::manual_seed(3);
  const auto own = at::randn({2, 1, 4, 4}), told = at::randn({2, 1, 4, 4});
  auto ignored = at::zeros({2, 1, 4, 4}, at::kBool);
  ignored.narrow(3, 2, 2).fill_(true);
  const auto left = logit_term(own.narrow(3, 0, 2), told.narrow(3, 0, 2), 2.0).item<double>();
  EXPECT_NEAR(logit_term(own, told, 2.0, ignored).item<double>(), left, 1e-6);
  EXPECT_NEAR(logit_term(own.masked_fill(ignored, std::numeric_limits<float>::infinity()), told, 2.0, ignored).item<double>(),
              left, 1e-6);
}

LabelledImage labelled() {
  LabelledImage image;
  image.image = at::randint(0, 256, {32, 32, 3}, at::kByte);
  auto mask = at::zeros({2, 32, 32}, at::kBool);
  mask[0].narrow(0, 4, 20).narrow(1, 4, 20).fill_(true);
  mask[1].narrow(0, 26, 4).narrow(1, 26, 4).fill_(true);
  image.labels.push_back({"a", mask});
  image.ignore = at::zeros({32, 32}, at::kBool);
  image.ignore.narrow(1, 16, 16).fill_(true);
  return image;
}

TEST(Ignore, IsCutOutOfTargets) {
  const auto sample = make_sample(labelled(), {{"a", "text a", true}, {"", "other", false}}, 16);
  ASSERT_EQ(sample.ignore.sizes(), at::IntArrayRef({16, 16}));
  EXPECT_EQ(sample.ignore.sum().item<int>(), 16 * 8);
  ASSERT_EQ(sample.masks[0].size(0), 1);  // the second mask lay in ignored pixels alone
  EXPECT_FALSE(sample.masks[0].logical_and(sample.ignore).any().item<bool>());
  auto plain = labelled();
  plain.ignore = at::Tensor();
  const auto batch = collate({sample, make_sample(plain, {{"a", "text a", true}}, 16)});
  ASSERT_EQ(batch.targets.ignore.sizes(), at::IntArrayRef({3, 16, 16}));
  EXPECT_TRUE(batch.targets.ignore[1].equal(sample.ignore));
  EXPECT_FALSE(batch.targets.ignore[2].any().item<bool>());
  EXPECT_FLOAT_EQ(batch.targets.boxes[0][0].item<float>(), (2 + 8) / 2.0F / 16);  // the box ends where the image counts
}

TEST(Ignore, IsUndefinedWhereNothingIsIgnored) {
  auto image = labelled();
  image.ignore.zero_();
  const auto sample = make_sample(image, {{"a", "text a", true}}, 16);
  EXPECT_FALSE(sample.ignore.defined());
  EXPECT_FALSE(collate({sample}).targets.ignore.defined());
}

TEST(Ignore, MovesWithItsImage) {
  const auto sample = make_sample(labelled(), {{"a", "text a", true}}, 32);
  AugmentOptions options;
  options.flip = 1.0;
  Random random(1);
  EXPECT_TRUE(augment(sample, options, random).ignore.equal(sample.ignore.flip(1)));
  AugmentOptions shift;
  shift.shift = 0.5;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {  // what comes in from outside is known to hold nothing
    Random other(seed);
    const auto moved = augment(sample, shift, other);
    EXPECT_LE(moved.ignore.sum().item<int>(), 32 * 16);
    EXPECT_FALSE(moved.masks[0].logical_and(moved.ignore).any().item<bool>());
  }
}

}  // namespace
}  // namespace sam3lab::ignore_test
