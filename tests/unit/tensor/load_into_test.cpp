// Checkpoints on their way into a model: which backbone knows their names, and what does not fit.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "core/tensor/load_into.h"
#include "core/registry/recognise.h"

namespace sam3lab::load_into_test {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::filesystem::path made(const std::string& name) {
  return std::filesystem::path(SAM3LAB_BUILD_DIR) / "test_plugins" / name / (name + ".so");
}

std::shared_ptr<const CheckpointLayouts> layouts_of(const Registry& registry, const std::string& backbone) {
  return registry.offer(Backbone::slot, backbone)->layouts;
}

const Tensors long_names = {{"model.scale", at::ones({2})}, {"video", at::ones({3})}, {"surplus", at::ones({1})}};

TEST(Recognise, NamesTheBackboneAndTheLayout) {
  const Registry registry({{}, {made("backbones")}});
  const auto found = recognise(registry, long_names);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].backbone, "test_named");
  EXPECT_EQ(found[0].layout, "long");
  EXPECT_TRUE(recognise(registry, {{"weight", at::ones({1})}}).empty());
  EXPECT_THAT(known_layouts(registry), UnorderedElementsAre("own", "long"));
  EXPECT_EQ(layouts_of(registry, "test_plain"), nullptr);
}

TEST(Recognise, RefusesStrangeNamesOnlyWhereEveryBackboneSaysWhatItKnows) {
  const Tensors strange = {{"weight", at::ones({1})}};
  const Registry both({{}, {made("backbones")}});
  EXPECT_NO_THROW(refuse_unrecognised(both, strange, "a.pt")) << "test_plain may have such a parameter";
  const Registry none({{}, {made("good")}});
  EXPECT_THROW(refuse_unrecognised(none, strange, "a.pt"), DataError);
  const std::string message = not_recognised(both, strange, "a.pt").what();
  EXPECT_THAT(message, HasSubstr("a.pt: the names of this file fit no known layout"));
  EXPECT_THAT(message, HasSubstr("got 'weight', expected names such as 'scale' (backbone test_named)"));
}

TEST(LoadInto, ReportsWhatDoesNotFit) {
  const Registry registry({{}, {made("backbones")}});
  const auto layouts = layouts_of(registry, "test_named");
  const NamedTensors model = {{"a", at::zeros({2})}, {"b", at::zeros({2})}, {"c", at::zeros({2})}};
  NamedCheckpoint checkpoint;
  checkpoint.model = {{"a", at::ones({2}, at::kHalf)}, {"b", at::ones({3})}, {"d", at::ones({1})}, {"video", at::ones({1})}};
  checkpoint.other = {{"tracker", at::ones({1})}};
  checkpoint.filled = {"a"};
  const auto report = load_into(model, checkpoint, layouts.get());
  EXPECT_EQ(report.text(), "matched 1, missing 1, unexpected 1, mis-shaped 1, not built 2, set to zero 1");
  EXPECT_EQ(report.misshaped.front(), "b: file 3, model 2");
  EXPECT_FALSE(report.complete());
  EXPECT_TRUE(model[0].second.equal(at::ones({2})));
  EXPECT_TRUE(model[1].second.equal(at::zeros({2})));
}

TEST(LoadInto, TakesTheNamesAsTheyAreWhereABackboneKnowsNoOthers) {
  const NamedTensors model = {{"scale", at::zeros({2})}};
  const auto own = own_names(nullptr, {{"scale", at::ones({2})}, {"video", at::ones({1})}}, "a.pt");
  EXPECT_EQ(load_into(model, own, nullptr).text(), "matched 1, missing 0, unexpected 1, mis-shaped 0");
  const Registry registry({{}, {made("backbones")}});
  const auto layouts = layouts_of(registry, "test_named");
  EXPECT_EQ(load_into(model, own_names(layouts.get(), long_names, "a.pt"), layouts.get()).text(),
            "matched 1, missing 0, unexpected 1, mis-shaped 0, not built 1");
}

TEST(LoadInto, CastsOnlyWhatKeepsItsMeaning) {
  const NamedTensors model = {{"weight", at::zeros({2})}, {"count", at::zeros({1}, at::kLong)}};
  const auto report_of = [&](const at::Tensor& weight, const at::Tensor& count) {
    NamedCheckpoint checkpoint;
    checkpoint.model = {{"weight", weight}, {"count", count}};
    return load_into(model, checkpoint, nullptr);
  };
  const auto one = at::ones({1}, at::kInt);
  for (const auto type : {at::kHalf, at::kBFloat16, at::kFloat, at::kDouble})
    EXPECT_NO_THROW(refuse_what_does_not_fit(report_of(at::full({2}, 0.5).to(type), one), "a.pt")) << type;
  EXPECT_TRUE(model[0].second.eq(0.5).all().item<bool>());
  for (const auto type : {at::kChar, at::kByte, at::kInt, at::kBool, at::kFloat8_e4m3fn, at::kFloat8_e5m2, at::kComplexFloat}) {
    const auto report = report_of(at::ones({2}).to(type), one);
    EXPECT_EQ(report.mistyped.size(), 1U) << type;
    EXPECT_THROW(refuse_what_does_not_fit(report, "a.pt", /*allow_missing=*/true), DataError) << type;
  }
  EXPECT_EQ(report_of(at::ones({2}), at::ones({1})).mistyped.front(), "count: file Float, model Long");
  EXPECT_TRUE(model[0].second.eq(1.0).all().item<bool>()) << "what does not fit is not copied";
}

TEST(LoadInto, RefusesWeightsThatAreNotFinite) {
  const NamedTensors model = {{"weight", at::zeros({3})}, {"empty", at::zeros({0})}};
  for (const double bad : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
      NamedCheckpoint checkpoint;
      checkpoint.model = {{"weight", at::tensor({1.0, bad, 2.0}, at::kDouble).to(type)}, {"empty", at::zeros({0})}};
      const auto report = load_into(model, checkpoint, nullptr);
      EXPECT_EQ(report.text(), "matched 1, missing 0, unexpected 0, mis-shaped 0, not finite 1");
      EXPECT_THROW(refuse_what_does_not_fit(report, "a.pt", /*allow_missing=*/true), NumericError);
    }
  }
}

}  // namespace
}  // namespace sam3lab::load_into_test
