// Matchings, every loss term and every gradient against values of the published package (scripts/golden/losses.py).
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "core/tensor/safetensors.h"
#include "core/train/criterion.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"

namespace sam3lab::losses_test {
using namespace losses::box;
using namespace losses::classification_presence;
using namespace losses::instance_mask;
using namespace losses::semantic_mask;
using namespace matchers::hungarian;
using namespace matchers::one_to_many;
namespace {

using Pair = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

const Tensors& golden() {
  static const auto file = read_safetensors(SAM3LAB_SOURCE_DIR "/tests/golden/losses.safetensors");
  return file.tensors;
}

// One case of the golden file, its predictions as leaves that take gradients.
struct Case {
  explicit Case(const std::string& case_name) : name(case_name) {
    targets.num_boxes = at("targets.num_boxes");
    targets.boxes = at("targets.boxes");
    targets.boxes_padded = at("targets.boxes_padded");
    if (has("targets.masks")) targets.masks = at("targets.masks").to(at::kBool);
    if (has("semantic")) outputs.semantic = leaf("semantic");
    outputs.last = layer("last");
    for (const std::string kind : {"aux_0", "aux_1"}) {
      if (has(kind + ".pred_logits")) outputs.auxiliary.push_back(layer(kind));
    }
  }
  [[nodiscard]] bool has(const std::string& key) const { return golden().count(name + "." + key) != 0; }
  [[nodiscard]] at::Tensor at(const std::string& key) const { return golden().at(name + "." + key); }

  at::Tensor leaf(const std::string& key) {
    auto tensor = at(key).clone().requires_grad_(true);
    leaves.emplace_back(key, tensor);
    return tensor;
  }
  LayerOutputs layer(const std::string& kind) {
    const auto get = [&](const std::string& key) { return has(kind + "." + key) ? leaf(kind + "." + key) : at::Tensor(); };
    const auto set = [&](const std::string& ending) {
      return Predictions{get("pred_logits" + ending), get("pred_boxes" + ending), get("pred_masks" + ending)};
    };
    return {set(""), set("_o2m"), get("presence_logit_dec")};
  }
  [[nodiscard]] const LayerOutputs& outputs_of(const std::string& kind) const {
    return kind == "last" ? outputs.last : outputs.auxiliary.at(kind == "aux_0" ? 0 : 1);
  }

  std::string name;
  Targets targets;
  Outputs outputs;
  std::vector<std::pair<std::string, at::Tensor>> leaves;
};

Criterion criterion_of(const std::string& name) {
  ClassificationPresenceOptions classification;
  SemanticMaskOptions semantic;
  CriterionOptions options;
  options.one_to_many_matcher_on_auxiliary = name == "single" || name == "variant";
  semantic.downsample = name == "variant";
  if (name == "variant") {
    classification.pad_n_queries = 4;
    classification.pos_focal = true;
    classification.presence_gamma = 1.5;
    classification.presence_alpha = 0.3;
  }
  if (name == "padded") {
    classification.pad_scale_pos = 2.5;
    classification.use_presence = false;
  }
  return Criterion(options, std::make_shared<BinaryHungarian>(HungarianOptions{}),
                   std::make_shared<BinaryOneToMany>(OneToManyOptions{}),
                   {std::make_shared<BoxLoss>(BoxOptions{}), std::make_shared<ClassificationPresence>(classification),
                    std::make_shared<InstanceMaskLoss>(InstanceMaskOptions{}), std::make_shared<SemanticMaskLoss>(semantic)});
}

std::vector<Pair> pairs_of(const at::Tensor& query, const at::Tensor& object, const at::Tensor& target) {
  std::vector<Pair> pairs;
  for (std::int64_t i = 0; i < query.numel(); ++i) {
    pairs.emplace_back(query[i].item<std::int64_t>(), object[i].item<std::int64_t>(), target[i].item<std::int64_t>());
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

std::vector<Pair> pairs_of(const Matches& matches) { return pairs_of(matches.query, matches.object, matches.target); }
std::vector<Pair> expected_pairs(const Case& c, const std::string& kind) {
  const auto packed = c.at("match." + kind);
  return pairs_of(packed[0], packed[1], packed[2]);
}

// Largest difference, relative to the largest expected value; values that are all below 1e-3 are compared absolutely.
double worst_difference(const at::Tensor& got, const at::Tensor& expected) {
  if (expected.numel() == 0) return 0.0;
  const auto scale = std::max(1e-3, expected.abs().max().item<double>());
  return (got.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>() / scale;
}

class AgainstPackage : public testing::TestWithParam<std::string> {};

TEST_P(AgainstPackage, MatchingsAreEqual) {
  const Case c(GetParam());
  const BinaryHungarian hungarian{HungarianOptions{}};
  const BinaryOneToMany one_to_many{OneToManyOptions{}};
  const bool many_on_auxiliary = GetParam() == "single" || GetParam() == "variant";
  for (const std::string kind : {"last", "aux_0", "aux_1"}) {
    const auto& layer = c.outputs_of(kind);
    EXPECT_EQ(pairs_of(hungarian.match(layer.one_to_one, c.targets)), expected_pairs(c, kind)) << kind;
    const bool many = kind == "last" || many_on_auxiliary;
    const auto matches = many ? one_to_many.match(layer.one_to_many, c.targets) : hungarian.match(layer.one_to_many, c.targets);
    EXPECT_EQ(pairs_of(matches), expected_pairs(c, kind + "_o2m")) << kind;
  }
}

TEST_P(AgainstPackage, TermsAndGradientsAreEqual) {
  Case c(GetParam());
  const auto result = criterion_of(GetParam())(c.outputs, c.targets);
  EXPECT_LT(worst_difference(result.total, c.at("loss.core_loss")[0]), 1e-5);
  std::vector<std::string> seen;
  for (const auto& term : result.terms) {
    ASSERT_TRUE(c.has("loss." + term.name)) << term.name;
    EXPECT_LT(worst_difference(term.value, c.at("loss." + term.name)[0]), 1e-5) << term.name;
    seen.push_back(term.name);
  }
  // The package also reports terms that are off or do not exist for a set of queries, as 0.
  for (const auto& [key, value] : golden()) {
    const std::string prefix = GetParam() + ".loss.";
    if (!key.starts_with(prefix) || key == prefix + "core_loss" || value.item<double>() == 0.0) continue;
    EXPECT_THAT(seen, testing::Contains(key.substr(prefix.size())));
  }
  result.total.backward();
  for (const auto& [key, tensor] : c.leaves) {
    const auto gradient = tensor.grad().defined() ? tensor.grad() : at::zeros_like(tensor);
    EXPECT_LT(worst_difference(gradient, c.at("grad." + key)), 1e-5) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, AgainstPackage, testing::Values("mixed", "single", "none", "variant", "padded"));

TEST(Hungarian, LeavesOutTheDearestTargetsWhereThereAreMoreThanObjectQueries) {
  const Case c("crowded");
  EXPECT_EQ(pairs_of(BinaryHungarian{HungarianOptions{}}.match(c.outputs.last.one_to_one, c.targets)),
            expected_pairs(c, "last"));
}

TEST(Hungarian, RefusesPredictionsThatAreNoNumbers) {
  Case c("mixed");
  auto predictions = c.outputs.last.one_to_one;
  predictions.logits = predictions.logits.detach().clone();
  predictions.logits[2][3].fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW((void)BinaryHungarian{HungarianOptions{}}.match(predictions, c.targets), NumericError);
}

TEST(OneToMany, RefusesATopkAboveTheNumberOfObjectQueries) {
  const Case c("mixed");
  const BinaryOneToMany matcher{OneToManyOptions{.topk = 9}};
  EXPECT_THROW((void)matcher.match(c.outputs.last.one_to_many, c.targets), UsageError);
}

TEST(CriterionOfTheRecipe, RefusesMoreTargetsThanObjectQueries) {
  const Case c("crowded");
  EXPECT_THROW((void)criterion_of("crowded")(c.outputs, c.targets), DataError);
}

TEST(CriterionOfTheRecipe, LeavesOutOneToManyQueriesWithoutAMatcherForThem) {
  Case c("mixed");
  const Criterion criterion({}, std::make_shared<BinaryHungarian>(HungarianOptions{}), nullptr,
                            {std::make_shared<BoxLoss>(BoxOptions{})});
  const auto result = criterion(c.outputs, c.targets);
  for (const auto& term : result.terms) EXPECT_EQ(term.name.find("_o2m"), std::string::npos) << term.name;
  result.total.backward();
  EXPECT_FALSE(c.outputs.last.one_to_many.boxes.grad().defined());
}

TEST(CriterionOfTheRecipe, DividesByTheNumberOfBoxesThatItIsGiven) {
  Case c("mixed");
  const Criterion criterion({}, std::make_shared<BinaryHungarian>(HungarianOptions{}), nullptr,
                            {std::make_shared<BoxLoss>(BoxOptions{})});
  const double own = criterion(c.outputs, c.targets).total.item<double>();
  EXPECT_NEAR(criterion(c.outputs, c.targets, 12.0).total.item<double>(), own * 6.0 / 12.0, 1e-4);
}

TEST(SemanticMask, NeedsTheBackbonesLogitForItsOwnPresenceTerm) {
  Case c("mixed");
  SemanticMaskOptions options;
  options.presence_loss = true;
  const Criterion criterion({}, std::make_shared<BinaryHungarian>(HungarianOptions{}), nullptr,
                            {std::make_shared<SemanticMaskLoss>(options)});
  EXPECT_THROW((void)criterion(c.outputs, c.targets), UsageError);
  c.outputs.extras["presence_logit"] = at::zeros({4, 1});
  const auto result = criterion(c.outputs, c.targets);
  EXPECT_EQ(result.terms.front().name, "loss_semantic_presence");
  EXPECT_NEAR(result.terms.front().value.item<double>(), std::log(2.0), 1e-6);
}

}  // namespace
}  // namespace sam3lab::losses_test
