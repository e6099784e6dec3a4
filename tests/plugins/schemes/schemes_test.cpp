// Which parameters train at which rate: the groups of `full`, `llrd`, `bitfit` and `head_only`. Golden file:
// scripts/golden/layer_decay.py.
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <ATen/ATen.h>

#include "core/train/group_rows.h"
#include "plugins/backbones/sam3/model/model.h"
#include "plugins/schemes/bitfit/bitfit_scheme.h"
#include "plugins/schemes/full/full_scheme.h"
#include "plugins/schemes/head_only/head_only_scheme.h"
#include "plugins/schemes/llrd/llrd_scheme.h"

namespace sam3lab::schemes_test {
using namespace schemes::bitfit;
using namespace schemes::full;
using namespace schemes::head_only;
using namespace schemes::llrd;
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const SchemeInput usual{1e-3, 0.1, 0, {}};

// Two image encoder blocks, and one matrix and one vector of every other part.
class SmallModel final : public Backbone {
 public:
  SmallModel() {
    for (const std::string name :
         {"vision.0.pos", "vision.0.weight", "vision.1.weight", "vision.2.weight", "vision.2.bias", "text.0.weight",
          "text.0.bias", "scoring.0.weight", "scoring.0.in_proj_bias", "scoring.norm.weight"}) {
      const bool vector = name.ends_with("bias") || name.ends_with("norm.weight");
      parameters_.emplace_back(name, vector ? at::zeros({2}) : at::zeros({2, 2}));
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
  [[nodiscard]] ParameterLocation locate(const std::string& name) const override {
    const auto dot = name.find('.');
    const auto part = name.substr(0, dot);
    const bool layered = part == "vision";
    return {part, layered ? name[dot + 1] - '0' : 0, layered ? 2 : 0, name.ends_with("pos")};
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

std::vector<std::string> training(Backbone& model) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : model.parameters()) {
    if (tensor.requires_grad()) names.push_back(name);
  }
  return names;
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TEST(FullScheme, GroupsByPartAndSparesVectorsFromDecay) {
  SmallModel model;
  const auto groups = FullScheme(FullOptions{}).prepare(model, usual).groups;
  ASSERT_EQ(groups.size(), 6U);
  EXPECT_EQ(group(groups, "vision").parameters.size(), 4U);
  EXPECT_DOUBLE_EQ(group(groups, "vision").weight_decay, 0.1);
  EXPECT_DOUBLE_EQ(group(groups, "vision.2.no_decay").weight_decay, 0.0);
  EXPECT_EQ(group(groups, "scoring.no_decay").parameters.size(), 2U);
  EXPECT_DOUBLE_EQ(group(groups, "text.0").learning_rate, 1e-3);
  EXPECT_EQ(training(model).size(), model.parameters().size());
}

TEST(FullScheme, ScalesRatesAndDecaysThemTowardsTheImage) {
  SmallModel model;
  const auto groups =
      FullScheme(FullOptions{.rates = {.vision = 0.5, .text = 0.0}, .vision_layer_decay = 0.9}).prepare(model, usual).groups;
  EXPECT_DOUBLE_EQ(group(groups, "vision.0").learning_rate, 1e-3 * 0.5 * 0.9 * 0.9 * 0.9);  // recipe: decay^(L + 1 - i)
  EXPECT_DOUBLE_EQ(group(groups, "vision.2").learning_rate, 1e-3 * 0.5 * 0.9);
  for (const auto& [name, tensor] : model.parameters()) EXPECT_EQ(tensor.requires_grad(), !name.starts_with("text")) << name;
}

TEST(FullScheme, DecaysEverythingWhenAsked) {
  SmallModel model;
  const auto groups = FullScheme(FullOptions{.rates = {.decay_norms_and_biases = true}}).prepare(model, usual).groups;
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(group(groups, "vision").parameters.size(), 5U);
}

TEST(LlrdScheme, SparesPositionsAndTakesRatesByPattern) {
  SmallModel model;
  LlrdOptions options;
  options.layers.layer_decay = 0.5;
  options.layers.patterns = {"scoring.*", "scoring.norm.*", "vision.2.bias"};
  options.layers.pattern_scales = {3.0, 0.0, 7.0};
  const auto groups = LlrdScheme(options).prepare(model, usual).groups;
  EXPECT_DOUBLE_EQ(group(groups, "vision.0.pos").learning_rate, 1e-3);
  EXPECT_DOUBLE_EQ(group(groups, "vision.0").learning_rate, 1e-3 * 0.125);
  EXPECT_DOUBLE_EQ(group(groups, "vision.2").learning_rate, 1e-3 * 0.5);
  EXPECT_DOUBLE_EQ(group(groups, "vision.2.no_decay").learning_rate, 7e-3);  // a pattern also replaces layer decay
  EXPECT_DOUBLE_EQ(group(groups, "scoring.0").learning_rate, 3e-3);
  EXPECT_EQ(training(model).size(), model.parameters().size() - 1);  // the last pattern that matches counts
  options.layers.spare_positions = false;
  const auto all = LlrdScheme(options).prepare(model, usual).groups;
  EXPECT_EQ(group(all, "vision.0").parameters.size(), 2U);
}

TEST(LlrdScheme, RefusesWhatMatchesNothing) {
  SmallModel model;
  LlrdOptions options;
  options.layers.patterns = {"neck.*"};
  EXPECT_THAT(refusal([&] { (void)LlrdScheme(options).prepare(model, usual); }), HasSubstr("not fit patterns"));
  options.layers.pattern_scales = {1.0};
  options.layers.decayed_parts = {"text", "tracker"};
  options.rates.geometry = 0.5;
  const auto text = refusal([&] { (void)LlrdScheme(options).prepare(model, usual); });
  EXPECT_THAT(text, HasSubstr("'neck.*' matches no parameter"));
  EXPECT_THAT(text, HasSubstr("part 'text', which has no layers"));
  EXPECT_THAT(text, HasSubstr("part 'tracker', which the model lacks"));
  EXPECT_THAT(text, HasSubstr("no part 'geometry'"));
}

TEST(BitfitScheme, TrainsBiasesAndWhatIsAskedFor) {
  SmallModel model;
  const auto groups = BitfitScheme(BitfitOptions{}).prepare(model, usual).groups;
  EXPECT_THAT(training(model), ElementsAre("vision.2.bias", "text.0.bias", "scoring.0.in_proj_bias"));
  for (const auto& each : groups) EXPECT_EQ(each.weight_decay, 0.0) << each.name;
  BitfitOptions more;
  more.norms = true;
  more.also = {"text.*"};
  (void)BitfitScheme(more).prepare(model, usual);
  EXPECT_THAT(training(model),
              ElementsAre("vision.2.bias", "text.0.weight", "text.0.bias", "scoring.0.in_proj_bias", "scoring.norm.weight"));
  more.also = {"text.9.*"};
  EXPECT_THAT(refusal([&] { (void)BitfitScheme(more).prepare(model, usual); }), HasSubstr("'text.9.*' matches nothing"));
}

sam3::Sam3Options tiny() {
  sam3::Sam3Options options;
  options.size = "tiny";
  return options;
}

TEST(HeadOnlyScheme, FreezesEverythingBeforeTheHeads) {
  sam3::Sam3 model(tiny());
  const auto groups = HeadOnlyScheme(HeadOnlyOptions{}).prepare(model, usual).groups;
  for (const auto& [name, tensor] : model.parameters()) {
    const bool head = name.starts_with("transformer.decoder.") || name.starts_with("segmentation_head.") ||
                      name.starts_with("dot_prod_scoring.");
    EXPECT_EQ(tensor.requires_grad(), head) << name;
  }
  EXPECT_EQ(groups.size(), 6U);
  EXPECT_EQ(groups.front().name, "transformer.decoder");
  SmallModel other;
  EXPECT_THAT(refusal([&] { (void)HeadOnlyScheme(HeadOnlyOptions{}).prepare(other, usual); }), HasSubstr("matches nothing"));
}

TEST(GroupRows, CountWhatTrainsAndWhatDoesNot) {
  sam3::Sam3 model(tiny());
  const auto groups = HeadOnlyScheme(HeadOnlyOptions{}).prepare(model, usual).groups;
  const auto trains = group_rows(groups), frozen = frozen_rows(model, groups);
  std::vector<std::string> names;
  std::int64_t tensors = 0, parameters = 0, all = 0;
  for (const auto& row : trains) tensors += row.tensors, parameters += row.parameters;
  for (const auto& row : frozen) {
    names.push_back(row.name);
    tensors += row.tensors, parameters += row.parameters;
    EXPECT_EQ(row.learning_rate, 0.0);
  }
  EXPECT_THAT(names, ElementsAre("backbone.vision_backbone.frozen", "backbone.language_backbone.frozen",
                                 "geometry_encoder.frozen", "transformer.encoder.layers.frozen"));
  for (const auto& [name, tensor] : model.parameters()) all += tensor.numel();
  EXPECT_EQ(parameters, all);
  EXPECT_EQ(tensors, static_cast<std::int64_t>(model.parameters().size()));
  EXPECT_EQ(trains.front().learning_rate, usual.learning_rate);
  EXPECT_TRUE(frozen_rows(model, FullScheme(FullOptions{}).prepare(model, usual).groups).empty());
  SmallModel other;  // parts whose parameters share no module
  EXPECT_EQ(frozen_rows(other, {}).size(), 3U);
}

// Rate of every parameter, as the package's optimiser builder has it.
class PublishedRates : public testing::TestWithParam<std::string> {};

TEST_P(PublishedRates, AreThoseOfLlrd) {
  std::ifstream in(SAM3LAB_SOURCE_DIR "/tests/golden/layer_decay.json");
  const auto golden = nlohmann::json::parse(in).at(GetParam());
  sam3::Sam3 model(tiny());
  LlrdOptions options;
  options.rates.vision = golden.at("vision").get<double>() / golden.at("transformer").get<double>();
  options.rates.text = golden.at("text").get<double>() / golden.at("transformer").get<double>();
  options.layers.layer_decay = golden.at("layer_decay").get<double>();
  options.layers.spare_positions = golden.at("spare_positions").get<bool>();
  const SchemeInput input{golden.at("transformer").get<double>(), golden.at("weight_decay").get<double>(), 0, {}};
  const auto groups = LlrdScheme(options).prepare(model, input).groups;
  auto left = golden.at("parameters").get<std::map<std::string, std::pair<double, double>>>();
  for (const auto& each : groups) {
    for (const auto& [name, tensor] : each.parameters) {
      ASSERT_TRUE(left.contains(name)) << name;
      const auto [rate, decay] = left.at(name);
      EXPECT_NEAR(each.learning_rate, rate, 1e-12 * rate) << name;
      // The package spares LayerNorm alone; ours, every norm.
      const bool group_norm = name.starts_with("segmentation_head.pixel_decoder.norms.") && name.ends_with(".weight");
      EXPECT_EQ(each.weight_decay, group_norm ? 0.0 : decay) << name;
      EXPECT_TRUE(name.starts_with(each.name.substr(0, each.name.rfind(".no_decay")))) << name << " in " << each.name;
      left.erase(name);
    }
  }
  EXPECT_TRUE(left.empty()) << left.begin()->first;
}

INSTANTIATE_TEST_SUITE_P(LlrdScheme, PublishedRates, testing::Values("recipe", "without_exemption"));

TEST(LlrdScheme, NamesAGroupOfABlockByItsPath) {
  sam3::Sam3 model(tiny());
  const auto groups = LlrdScheme(LlrdOptions{}).prepare(model, usual).groups;
  for (int block = 0; block < 4; ++block) {
    const auto path = "backbone.vision_backbone.trunk.blocks." + std::to_string(block);
    const double rate = 1e-3 * std::pow(0.9, 4 - block);
    EXPECT_DOUBLE_EQ(group(groups, path).learning_rate, rate);
    EXPECT_DOUBLE_EQ(group(groups, path + ".no_decay").learning_rate, rate);
  }
  EXPECT_DOUBLE_EQ(group(groups, "backbone.vision_backbone.trunk.pos_embed").learning_rate, 1e-3);
  EXPECT_DOUBLE_EQ(group(groups, "backbone.vision_backbone.trunk.patch_embed.proj").learning_rate, 1e-3 * std::pow(0.9, 5));
  EXPECT_DOUBLE_EQ(group(groups, "backbone.vision_backbone.convs").learning_rate, 1e-3);
}

}  // namespace
}  // namespace sam3lab::schemes_test
