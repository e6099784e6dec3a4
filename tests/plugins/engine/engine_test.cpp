// The training engine on a small SAM3: accumulation, reduced precision, random numbers that depend on the step alone.
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <ATen/Parallel.h>
#include <torch/types.h>

#include "core/train/autocast.h"
#include "core/train/gradients.h"
#include "plugins/backbones/sam3/model/model.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"
#include "tests/plugins/matchers/two_query_samples.h"

namespace sam3lab::engine_engine_test {
using namespace losses::box;
using namespace losses::classification_presence;
using namespace losses::instance_mask;
using namespace losses::semantic_mask;
using namespace matchers::hungarian;
using namespace matchers::one_to_many;
namespace {

Criterion recipe() {
  return Criterion(
      {}, std::make_shared<BinaryHungarian>(HungarianOptions{}), std::make_shared<BinaryOneToMany>(OneToManyOptions{}),
      {std::make_shared<BoxLoss>(BoxOptions{}), std::make_shared<ClassificationPresence>(ClassificationPresenceOptions{}),
       std::make_shared<InstanceMaskLoss>(InstanceMaskOptions{}), std::make_shared<SemanticMaskLoss>(SemanticMaskOptions{})});
}

sam3::Sam3Options tiny(double dropout, const std::string& recompute) {
  sam3::Sam3Options options;
  options.size = "tiny";
  options.sizes.img_size = options.sizes.pretrain_img_size = 56;
  options.dropout = options.drop_path = dropout;
  options.recompute = recompute;
  return options;
}

std::vector<Sample> samples(std::int64_t side) { return test::two_query_samples(4, side); }

struct Result {
  PassResult pass;
  std::vector<at::Tensor> gradients;
};

Result gradients_of(const sam3::Sam3Options& options, std::int64_t accumulate, const PassOptions& pass) {
  at::set_num_threads(1);
  sam3::Sam3 model(options);
  model.initialise(1);
  for (auto& [name, parameter] : model.parameters()) parameter.requires_grad_(true);
  model.train(true);
  const auto shards = make_shards(samples(56), 1, accumulate);
  PassOptions with = pass;
  with.num_boxes = boxes_per_replica(shards);
  Result result;
  result.pass = add_gradients(model, {}, recipe(), shards.front(), with);
  for (auto& [name, parameter] : model.parameters())
    result.gradients.push_back(parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter));
  return result;
}

double difference(const Result& a, const Result& b) {
  double far = 0.0, whole = 0.0;
  for (std::size_t i = 0; i < a.gradients.size(); ++i) {
    far += (a.gradients[i] - b.gradients[i]).to(at::kDouble).pow(2).sum().item<double>();
    whole += b.gradients[i].to(at::kDouble).pow(2).sum().item<double>();
  }
  return std::sqrt(far / whole);
}

TEST(Engine, AccumulatedPartsGiveLossAndGradientOfTheWhole) {
  const auto whole = gradients_of(tiny(0.0, "off"), 1, {});
  for (const std::int64_t parts : {2, 4}) {
    const auto cut = gradients_of(tiny(0.0, "on"), parts, {});
    const double loss = whole.pass.loss.total.item<double>();
    EXPECT_NEAR(cut.pass.loss.total.item<double>(), loss, 1e-6 * loss) << parts;
    EXPECT_LT(difference(cut, whole), 1e-5) << parts;
    ASSERT_EQ(cut.pass.loss.terms.size(), whole.pass.loss.terms.size());
  }
  EXPECT_FALSE(whole.pass.random);
}

TEST(Engine, TheFactorScalesTheGradientAndNotTheLoss) {
  PassOptions scaled;
  scaled.factor = 4.0;
  auto four = gradients_of(tiny(0.0, "off"), 1, scaled);
  const auto one = gradients_of(tiny(0.0, "off"), 1, {});
  EXPECT_EQ(four.pass.loss.total.item<double>(), one.pass.loss.total.item<double>());
  for (auto& gradient : four.gradients) gradient = gradient / 4.0;
  EXPECT_LT(difference(four, one), 1e-6);
}

TEST(Engine, RandomNumbersFollowFromSeedAndStep) {
  const auto options = tiny(0.1, "on");
  const auto first = gradients_of(options, 2, {.seed = 3, .step = 8});
  (void)at::rand({17});
  const auto again = gradients_of(options, 2, {.seed = 3, .step = 8});
  const auto later = gradients_of(options, 2, {.seed = 3, .step = 9});
  EXPECT_TRUE(first.pass.random);
  EXPECT_EQ(difference(again, first), 0.0);
  EXPECT_GT(difference(later, first), 1e-3);
}

// What is computed first without gradients and then again with them must be the same function, kernels included: a ReLU that
// opens in one pass alone changes this model's gradient by 2%.
TEST(Engine, RecomputationReplaysReducedPrecision) {
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    const auto kept = gradients_of(tiny(0.0, "off"), 1, {.type = type});
    const auto recomputed = gradients_of(tiny(0.0, "on"), 1, {.type = type});
    const auto exact = gradients_of(tiny(0.0, "off"), 1, {});
    EXPECT_EQ(recomputed.pass.loss.total.item<double>(), kept.pass.loss.total.item<double>()) << type;
    EXPECT_TRUE(std::isfinite(kept.pass.loss.total.item<double>()));
    // The gradients of a weight that a layer uses several times are added in another order, each rounded to the reduced type.
    // Measured with kernels for SSE4.1, AVX2, AVX-512 and AVX-512 FP16: at most 0.87 of the type's unit roundoff.
    const double roundoff = type == at::kHalf ? 0x1p-11 : 0x1p-8;
    EXPECT_LT(difference(recomputed, kept), 2 * roundoff) << type;
    EXPECT_LT(difference(recomputed, kept), 0.5 * difference(kept, exact)) << type;
    EXPECT_GT(difference(kept, exact), 1e-5) << type << " was not used";
    EXPECT_LT(difference(kept, exact), 0.2) << type;
  }
}

}  // namespace
}  // namespace sam3lab::engine_engine_test
