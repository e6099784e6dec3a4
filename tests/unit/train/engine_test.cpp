// Parts of the training engine: optimiser state, moving average, loss scale, shares of a step, joined outputs, checkpoints.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

#include <sam3lab/api/error.h>

#include "core/optim/adamw.h"
#include "core/train/autocast.h"
#include "core/optim/loss_scale.h"
#include "core/optim/moving_average.h"
#include "core/train/outputs.h"
#include "core/train/shard.h"
#include "core/train/training_checkpoint.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::train_engine_test {
namespace {

namespace fs = std::filesystem;

void descend(AdamW& optimiser, const at::Tensor& weight) {
  optimiser.clear_gradients();
  (weight - 3).pow(2).sum().backward();
  optimiser.step(1.0);
}

Tensors copied(const Tensors& tensors) {
  Tensors replicas;
  for (const auto& [name, tensor] : tensors) replicas[name] = tensor.clone();
  return replicas;
}

TEST(AdamWState, AnotherOptimiserGoesOnWithItBitByBit) {
  auto a = at::arange(6, at::kFloat).requires_grad_();
  AdamW first({{"all", {{"w", a}}, 0.05, 0.1}}, {});
  for (int i = 0; i < 3; ++i) descend(first, a);
  auto b = a.detach().clone().requires_grad_();
  AdamW second({{"all", {{"w", b}}, 0.05, 0.1}}, {});
  second.restore(copied(first.state()));
  for (int i = 0; i < 3; ++i) descend(first, a), descend(second, b);
  EXPECT_TRUE(a.equal(b));
}

TEST(AdamWState, IsRefusedWhereItDoesNotFit) {
  auto a = at::zeros({2}).requires_grad_(), b = at::zeros({3}).requires_grad_();
  const AdamW small({{"all", {{"w", a}}, 0.1, 0.0}}, {});
  AdamW large({{"all", {{"w", b}}, 0.1, 0.0}}, {}), other({{"all", {{"v", a}}, 0.1, 0.0}}, {});
  EXPECT_THROW(large.restore(small.state()), DataError);
  EXPECT_THROW(other.restore(small.state()), DataError);
}

TEST(MovingAverage, FollowsTheFormulaAndChangesPlaces) {
  auto weight = at::zeros({2}).requires_grad_();
  MovingAverage average({{"all", {{"w", weight}}, 0.1, 0.0}}, 0.9);
  weight.detach().fill_(1.0);
  average.update();
  average.update();
  average.exchange();
  EXPECT_NEAR(weight[0].item<double>(), 0.1 * 0.9 + 0.1, 1e-6);
  average.exchange();
  EXPECT_TRUE(weight.equal(at::ones({2})));
}

TEST(MovingAverage, WithoutDecayThereIsNone) {
  auto weight = at::zeros({2}).requires_grad_();
  MovingAverage average({{"all", {{"w", weight}}, 0.1, 0.0}}, 0.0);
  weight.detach().fill_(1.0);
  average.update();
  average.exchange();
  EXPECT_TRUE(weight.equal(at::ones({2})));
  EXPECT_TRUE(average.state().empty());
}

TEST(LossScale, HalvesOnOverflowAndDoublesAfterTheInterval) {
  LossScale scale(true, 4.0, 2);
  scale.grew();
  EXPECT_DOUBLE_EQ(scale.factor(), 4.0);
  scale.grew();
  EXPECT_DOUBLE_EQ(scale.factor(), 8.0);
  scale.grew();
  EXPECT_TRUE(scale.overflowed());
  EXPECT_EQ(scale.good_steps(), 0);
  EXPECT_TRUE(scale.overflowed());
  EXPECT_TRUE(scale.overflowed());
  EXPECT_FALSE(scale.overflowed()) << "below 1 the scale is not to blame";
  EXPECT_DOUBLE_EQ(LossScale(false, 4.0, 2).factor(), 1.0);
}

TEST(Autocast, HoldsWhileItLives) {
  const auto a = at::ones({2, 2});
  {
    const Autocast half(at::kCPU, at::kBFloat16);
    EXPECT_EQ(at::matmul(a, a).scalar_type(), at::kBFloat16);
    EXPECT_FALSE(at::autocast::is_autocast_cache_enabled());
  }
  EXPECT_EQ(at::matmul(a, a).scalar_type(), at::kFloat);
  EXPECT_TRUE(at::autocast::is_autocast_cache_enabled());
}

Sample sample_of(std::int64_t targets, std::size_t queries = 1) {
  Sample sample;
  sample.image = at::full({3, 8, 8}, targets, at::kByte);
  for (std::size_t q = 0; q < queries; ++q) {
    sample.queries.push_back({"a", "text", targets > 0});
    sample.masks.push_back(at::ones({targets, 8, 8}, at::kBool));
  }
  return sample;
}

TEST(Shard, SamplesAreDealtToCopiesAndPartsInOrder) {
  std::vector<Sample> samples;
  for (const std::int64_t targets : {1, 2, 3, 4, 5, 6}) samples.push_back(sample_of(targets));
  const auto shards = make_shards(std::move(samples), 2, 2);
  ASSERT_EQ(shards.size(), 2U);
  EXPECT_TRUE(shards[0].whole.targets.num_boxes.equal(at::tensor({1, 3, 5}, at::kLong)));
  ASSERT_EQ(shards[1].micro_batches.size(), 2U);
  EXPECT_TRUE(at::cat({shards[1].micro_batches[0].images, shards[1].micro_batches[1].images}).equal(shards[1].whole.images));
  EXPECT_DOUBLE_EQ(boxes_per_replica(shards), 21.0 / 2);
}

TEST(Shard, ASampleWithoutQueriesLeavesItsCopyIdle) {
  std::vector<Sample> samples = {sample_of(2), sample_of(1, 0)};
  const auto shards = make_shards(std::move(samples), 2, 1);
  EXPECT_FALSE(shards[0].empty());
  EXPECT_TRUE(shards[1].empty());
  EXPECT_TRUE(shards[0].micro_batches.empty());
  EXPECT_DOUBLE_EQ(boxes_per_replica(shards), 1.0);
}

// Outputs that depend on a weight: what goes back through the parts must be the gradient of the whole.
TEST(JoinedOutputs, GradientsGoBackPartByPart) {
  auto weight = at::full({1}, 2.0F).requires_grad_();
  std::vector<Batch> batches(2);
  for (std::int64_t p = 0; p < 2; ++p) {
    batches[static_cast<std::size_t>(p)].images = at::zeros({1, 3, 8, 8});
    batches[static_cast<std::size_t>(p)].image_index = at::zeros({p + 2}, at::kLong);
  }
  const auto model = [&](const Batch& batch) {
    Outputs outputs;
    const auto queries = batch.image_index.size(0);
    outputs.last.one_to_one.logits = weight * at::arange(1, queries + 1, at::kFloat).view({queries, 1, 1});
    outputs.semantic = weight * at::ones({queries, 1, 2, 2});
    outputs.extras["by query"] = weight * at::ones({queries, 3});
    outputs.extras["sequence first"] = weight * at::ones({7, queries});
    return outputs;
  };
  std::vector<Outputs> parts;
  for (const auto& batch : batches) {
    auto part = model(batch);
    for_each_tensor(part, [](at::Tensor& tensor) { tensor = tensor.defined() ? tensor.detach() : tensor; });
    parts.push_back(part);
  }
  const JoinedOutputs joined(parts, batches);
  EXPECT_EQ(joined.outputs().last.one_to_one.logits.size(0), 5);
  EXPECT_TRUE(joined.outputs().extras.contains("by query"));
  EXPECT_FALSE(joined.outputs().extras.contains("sequence first"));
  EXPECT_FALSE(joined.outputs().last.presence.defined());
  const auto loss = [](const Outputs& outputs) {  // no sum over queries
    return outputs.last.one_to_one.logits.sum().pow(2) + outputs.semantic.sum() * outputs.extras.at("by query").sum();
  };
  loss(joined.outputs()).backward();
  for (std::size_t p = 0; p < 2; ++p) joined.backward(p, model(batches[p]));
  // logits sum to 9 w, semantic to 20 w, by query to 15 w: d(81 w^2 + 300 w^2) = 762 w
  EXPECT_FLOAT_EQ(weight.grad().item<float>(), 762.0F * 2);
}

class Checkpoints : public testing::Test {
 protected:
  static TrainingCheckpoint at_step(std::int64_t step) {
    TrainingCheckpoint checkpoint;
    checkpoint.identity = "abc";
    checkpoint.trainer = {step, 0.1 + 0.2, 3, {{"weights.w", at::full({2}, static_cast<double>(step))}}};
    checkpoint.selection = {1.0 / 3.0, step, 2, step};
    checkpoint.seconds = 1.5;
    return checkpoint;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }
  test::TempFolder temporary_;
  fs::path path_ = temporary_.path() / "checkpoints";
  CheckpointFolder folder_{path_};
};

TEST_F(Checkpoints, ComeBackAsTheyWere) {
  folder_.save(at_step(7), 0);
  const auto back = folder_.newest("abc");
  ASSERT_TRUE(back);
  EXPECT_EQ(back->trainer.step, 7);
  EXPECT_EQ(back->trainer.loss_scale, 0.1 + 0.2);
  EXPECT_EQ(back->selection.score, 1.0 / 3.0);
  EXPECT_EQ(back->selection.epochs_without, 2);
  EXPECT_TRUE(back->trainer.tensors.at("weights.w").equal(at::full({2}, 7.0F)));
}

TEST_F(Checkpoints, TheNewestStayAndWhatAKilledWriterLeftGoes) {
  for (std::int64_t step = 1; step <= 4; ++step) {
    folder_.save_best(step, {{"w", at::zeros({1})}});
    folder_.save(at_step(step), 2);
  }
  std::ofstream(path_ / "step-00000009.safetensors.a1B2c3") << "half";
  EXPECT_EQ(folder_.newest_step(), 4);
  folder_.prune(2);
  EXPECT_EQ(files(), 3U) << "steps 3 and 4, and the best weights of step 4";
  EXPECT_NO_THROW((void)folder_.best(4));
  folder_.prune(0);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(Checkpoints, AreRefusedWhenDamagedOrOfAnotherRun) {
  EXPECT_FALSE(folder_.newest("abc"));
  folder_.save(at_step(5), 0);
  EXPECT_THROW((void)folder_.newest("def"), DataError);
  fs::resize_file(path_ / "step-00000005.safetensors", 40);
  EXPECT_THROW((void)folder_.newest("abc"), DataError);
}

}  // namespace
}  // namespace sam3lab::train_engine_test
