// Parameter groups of `full`, and the rule for empty masks in Dice and IoU.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "plugins/schemes/full/full_scheme.h"
#include "plugins/shared/mask_overlap.h"

namespace sam3lab {
namespace {

// Two image encoder blocks, and one matrix and one vector of every other part.
class SmallModel final : public Backbone {
 public:
  SmallModel() {
    for (const std::string name : {"vision.0.weight", "vision.1.weight", "vision.2.weight", "vision.2.bias", "text.0.weight",
                                   "text.0.bias", "scoring.0.weight"}) {
      parameters_.emplace_back(name, name.ends_with("bias") ? at::zeros({2}) : at::zeros({2, 2}));
    }
  }
  Outputs forward(const Batch&) override { return {}; }
  void train(bool) override {}
  NamedTensors parameters() override { return parameters_; }
  NamedTensors buffers() override { return {}; }
  void initialise(std::uint64_t) override {}
  [[nodiscard]] std::int64_t image_size() const override { return 8; }
  [[nodiscard]] std::int64_t object_queries() const override { return 1; }
  [[nodiscard]] std::vector<std::int64_t> tokenize(const std::string&) const override { return {}; }
  [[nodiscard]] ParameterPlace place(const std::string& name) const override {
    const auto dot = name.find('.');
    const auto part = name.substr(0, dot);
    return {part, name[dot + 1] - '0', part == "vision" ? 2 : 0, false};
  }

 private:
  NamedTensors parameters_;
};

const ParameterGroup& group(const std::vector<ParameterGroup>& groups, const std::string& name) {
  for (const auto& candidate : groups) {
    if (candidate.name == name) return candidate;
  }
  throw std::out_of_range("no group " + name);
}

TEST(FullScheme, GroupsByPartAndSparesVectorsFromDecay) {
  SmallModel model;
  const auto groups = FullScheme(FullOptions{}).prepare(model, {1e-3, 0.1, 0, {}}).groups;
  ASSERT_EQ(groups.size(), 5U);
  EXPECT_EQ(group(groups, "vision").parameters.size(), 3U);
  EXPECT_DOUBLE_EQ(group(groups, "vision").weight_decay, 0.1);
  EXPECT_DOUBLE_EQ(group(groups, "vision.no_decay").weight_decay, 0.0);
  EXPECT_DOUBLE_EQ(group(groups, "text").learning_rate, 1e-3);
  for (const auto& [name, tensor] : model.parameters()) EXPECT_TRUE(tensor.requires_grad()) << name;
}

TEST(FullScheme, ScalesRatesAndDecaysThemTowardsTheImage) {
  SmallModel model;
  const auto groups =
      FullScheme(FullOptions{.vision = 0.5, .text = 0.0, .vision_layer_decay = 0.9}).prepare(model, {1e-3, 0.1, 0, {}}).groups;
  EXPECT_DOUBLE_EQ(group(groups, "vision.layer_0").learning_rate, 1e-3 * 0.5 * 0.9 * 0.9 * 0.9);  // recipe: decay^(L + 1 - i)
  EXPECT_DOUBLE_EQ(group(groups, "vision.layer_2").learning_rate, 1e-3 * 0.5 * 0.9);
  EXPECT_THROW((void)group(groups, "text"), std::out_of_range);
  for (const auto& [name, tensor] : model.parameters()) EXPECT_EQ(tensor.requires_grad(), !name.starts_with("text")) << name;
}

TEST(FullScheme, DecaysEverythingWhenAsked) {
  SmallModel model;
  const auto groups = FullScheme(FullOptions{.decay_norms_and_biases = true}).prepare(model, {1e-3, 0.1, 0, {}}).groups;
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(group(groups, "vision").parameters.size(), 4U);
}

at::Tensor mask(std::vector<std::uint8_t> values) { return at::tensor(values, at::kByte).view({2, 3}).to(at::kBool); }

TEST(MaskOverlap, CountsPixels) {
  const auto overlap = overlap_of({mask({1, 1, 1, 0, 0, 0}), mask({0, 1, 1, 1, 0, 0})});
  EXPECT_DOUBLE_EQ(overlap.dice(), 4.0 / 6.0);
  EXPECT_DOUBLE_EQ(overlap.iou(), 2.0 / 4.0);
}

TEST(MaskOverlap, EmptyMasks) {
  const auto none = mask({0, 0, 0, 0, 0, 0}), some = mask({1, 0, 0, 0, 0, 0});
  EXPECT_DOUBLE_EQ(overlap_of({none, none}).dice(), 1.0);
  EXPECT_DOUBLE_EQ(overlap_of({none, none}).iou(), 1.0);
  EXPECT_DOUBLE_EQ(overlap_of({some, none}).dice(), 0.0);
  EXPECT_DOUBLE_EQ(overlap_of({none, some}).iou(), 0.0);
}

TEST(MaskOverlap, RefusesMasksOfDifferentSizes) {
  EXPECT_THROW((void)overlap_of({at::zeros({2, 3}, at::kBool), at::zeros({3, 2}, at::kBool)}), DataError);
}

}  // namespace
}  // namespace sam3lab
