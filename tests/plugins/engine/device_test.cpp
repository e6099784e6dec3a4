// The model, its losses and what trains it on a device beside the CPU: a GPU where there is one, and everywhere one that is the
// CPU under another name and refuses operators with tensors of both.
#include <filesystem>
#include <iostream>
#include <memory>
#include <vector>

#include <unistd.h>

#include <gtest/gtest.h>
#include <ATen/Parallel.h>
#include <torch/types.h>

#include "core/eval/predict.h"
#include "core/tensor/device.h"
#include "core/tensor/safetensors.h"
#include "core/optim/adamw.h"
#include "core/train/gradients.h"
#include "core/optim/moving_average.h"
#include "core/tensor/on_device.h"
#include "plugins/backbones/sam3/model/model.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/grounding/grounding_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"
#include "plugins/schemes/adapter/adapter_scheme.h"
#include "plugins/schemes/distill/distill_scheme.h"
#include "plugins/schemes/lora/lora_scheme.h"
#include "plugins/schemes/prefix/prefix_scheme.h"
#include "tests/support/second_device.h"
#include "tests/plugins/matchers/two_query_samples.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::engine_device_test {
using namespace losses::box;
using namespace losses::classification_presence;
using namespace losses::grounding;
using namespace losses::instance_mask;
using namespace losses::semantic_mask;
using namespace matchers::hungarian;
using namespace matchers::one_to_many;
using namespace schemes::adapter;
using namespace schemes::distill;
using namespace schemes::lora;
using namespace schemes::prefix;
namespace {

constexpr std::int64_t side = 56;

Criterion recipe() {
  return Criterion(
      {}, std::make_shared<BinaryHungarian>(HungarianOptions{}), std::make_shared<BinaryOneToMany>(OneToManyOptions{}),
      {std::make_shared<BoxLoss>(BoxOptions{}), std::make_shared<ClassificationPresence>(ClassificationPresenceOptions{}),
       std::make_shared<InstanceMaskLoss>(InstanceMaskOptions{}), std::make_shared<SemanticMaskLoss>(SemanticMaskOptions{}),
       std::make_shared<GroundingLoss>(GroundingOptions{})});
}

sam3::Sam3Options tiny(double dropout, const std::string& recompute, const std::string& memory = "exact") {
  sam3::Sam3Options options;
  options.size = "tiny";
  options.sizes.img_size = options.sizes.pretrain_img_size = side;
  options.dropout = options.drop_path = dropout;
  options.recompute = recompute;
  options.memory = memory;
  return options;
}

Batch with_boxes_and_ignored_pixels(Batch batch) {
  const auto queries = static_cast<std::int64_t>(batch.texts.size());
  batch.box_prompts.boxes = at::full({queries, 2, 4}, 0.3, at::kFloat);
  batch.box_prompts.labels = at::ones({queries, 2}, at::kLong);
  batch.box_prompts.padding = at::zeros({queries, 2}, at::kBool);
  batch.box_prompts.padding.select(0, 0).fill_(true);
  batch.targets.ignore = at::zeros({queries, side, side}, at::kBool);
  batch.targets.ignore.narrow(1, 40, 16).fill_(true);
  return batch;
}

Shard shard(std::int64_t accumulate, bool more = true) {
  auto result = make_shards(test::two_query_samples(3, side), 1, accumulate).front();
  if (!more) return result;
  result.whole = with_boxes_and_ignored_pixels(result.whole);
  for (auto& part : result.micro_batches) part = with_boxes_and_ignored_pixels(part);
  return result;
}

using Prepare = std::function<TrainableSet(Backbone&)>;

TrainableSet everything(Backbone& model) {
  TrainableSet trainable;
  trainable.groups = {{"all", model.parameters(), 1e-2, 0.1}};
  for (auto& [name, parameter] : trainable.groups.front().parameters) parameter.requires_grad_(true);
  return trainable;
}

struct Trained {
  std::shared_ptr<sam3::Sam3> model;
  TrainableSet trainable;
  PassResult pass;
};

Trained train(c10::Device device, const sam3::Sam3Options& options, const Shard& work, const Prepare& prepare = everything) {
  at::set_num_threads(1);
  Trained result;
  result.model = std::make_shared<sam3::Sam3>(options);
  result.model->initialise(1);
  if (!device.is_cpu()) result.model->move(device);
  result.trainable = prepare(*result.model);
  result.model->train(true);
  PassOptions pass{.seed = 3};
  pass.num_boxes = boxes_per_replica({work});
  result.pass = add_gradients(*result.model, result.trainable, recipe(), work, pass);
  return result;
}

// Largest difference between gradients, relative to the norm of all.
double difference(const Trained& a, const Trained& b) {
  double far = 0.0, whole = 0.0;
  for (std::size_t g = 0; g < a.trainable.groups.size(); ++g) {
    for (std::size_t i = 0; i < a.trainable.groups[g].parameters.size(); ++i) {
      const auto of = [&](const Trained& trained) { return trained.trainable.groups[g].parameters[i].second.grad(); };
      EXPECT_EQ(of(a).defined(), of(b).defined()) << a.trainable.groups[g].parameters[i].first;
      if (!of(a).defined() || !of(b).defined()) continue;
      far += (of(a).cpu() - of(b).cpu()).to(at::kDouble).pow(2).sum().item<double>();
      whole += of(b).cpu().to(at::kDouble).pow(2).sum().item<double>();
    }
  }
  EXPECT_GT(whole, 0.0);
  return std::sqrt(far / whole);
}

class Device : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "second") return;
    if (choose_device("auto", "test").device.is_cpu()) GTEST_SKIP() << "NOT RUN, for it needs a GPU: " << cuda_state();
    device = c10::Device(c10::kCUDA, 0);
  }
  c10::Device device = second_device();
  double close = 2e-4;  // kernels add up in other orders
};

TEST_P(Device, TheModelAndItsLossesAreThoseOfTheCpu) {
  for (const std::string recompute : {"off", "on"}) {
    const auto there = train(device, tiny(0.0, recompute), shard(1)), cpu = train(c10::kCPU, tiny(0.0, recompute), shard(1));
    ASSERT_EQ(there.pass.loss.terms.size(), cpu.pass.loss.terms.size());
    for (std::size_t t = 0; t < cpu.pass.loss.terms.size(); ++t) {
      const double expected = cpu.pass.loss.terms[t].value.item<double>();
      EXPECT_NEAR(there.pass.loss.terms[t].value.item<double>(), expected, 1e-4 * (1.0 + std::abs(expected)))
          << cpu.pass.loss.terms[t].name;
    }
    EXPECT_LT(difference(there, cpu), close) << recompute;
    for (const auto& [name, parameter] : there.model->parameters()) EXPECT_EQ(parameter.device(), device) << name;
  }
}

TEST_P(Device, AccumulatedPartsGiveTheGradientOfTheWhole) {
  EXPECT_LT(difference(train(device, tiny(0.0, "on"), shard(3, false)), train(device, tiny(0.0, "off"), shard(1, false))),
            close);
}

TEST_P(Device, RecomputationSeesTheSameDropout) {
  const auto kept = train(device, tiny(0.3, "off"), shard(1)), again = train(device, tiny(0.3, "on"), shard(1));
  EXPECT_TRUE(kept.pass.random);
  EXPECT_EQ(again.pass.loss.total.item<double>(), kept.pass.loss.total.item<double>());
  EXPECT_LT(difference(again, kept), close);
}

// Both keep for the backward pass what CPU kernels can do without; elsewhere they must do with LibTorch's.
TEST_P(Device, FastAndLeanOptionsOfTheModelWorkWithoutOurKernels) {
  for (const std::string memory : {"fast", "lean"}) {
    EXPECT_LT(difference(train(device, tiny(0.0, "auto", memory), shard(1)), train(c10::kCPU, tiny(0.0, "off"), shard(1))),
              close)
        << memory;
  }
}

TEST_P(Device, SchemesHangTheirParametersThere) {
  DistillOptions imitate;
  imitate.teacher_size = "tiny";
  const std::vector<std::function<std::shared_ptr<Scheme>()>> schemes{
      [] { return std::make_shared<LoraScheme>(LoraOptions{}); },
      [] { return std::make_shared<AdapterScheme>(AdapterOptions{}); },
      [] { return std::make_shared<PrefixScheme>(PrefixOptions{}); }, [&] { return std::make_shared<DistillScheme>(imitate); }};
  for (const auto& scheme : schemes) {
    const auto prepare = [&](Backbone& model) {
      const auto teacher = [](const OptionValues&, const std::string&) -> std::shared_ptr<Backbone> {
        auto made = std::make_shared<sam3::Sam3>(tiny(0.0, "off"));
        made->initialise(2);
        return made;
      };
      return scheme()->prepare(model, {1e-3, 0.1, 7, teacher});
    };
    const auto there = train(device, tiny(0.0, "off"), shard(1), prepare),
               cpu = train(c10::kCPU, tiny(0.0, "off"), shard(1), prepare);
    EXPECT_LT(difference(there, cpu), close);
    for (const auto& group : there.trainable.groups) {
      for (const auto& [name, parameter] : group.parameters) EXPECT_EQ(parameter.device(), device) << name;
    }
    if (!there.trainable.merge) continue;
    there.trainable.merge(true);
    there.trainable.merge(false);
  }
}

TEST_P(Device, UpdatesAveragesAndCheckpointsMoveBetweenDevices) {
  std::vector<Tensors> states;
  std::vector<at::Tensor> averages;
  const test::TempFolder folder;
  const auto file = folder / "state.safetensors";
  for (const auto where : {device, c10::Device(c10::kCPU)}) {
    auto trained = train(where, tiny(0.0, "off"), shard(1));
    AdamW optimiser(trained.trainable.groups, {});
    MovingAverage average(trained.trainable.groups, 0.5);
    EXPECT_GT(optimiser.clip(0.1), 0.1);
    optimiser.step(1.0);
    average.update();
    average.exchange();
    write_safetensors(file, optimiser.state());
    const auto saved = read_safetensors(file).tensors;
    states.push_back(saved);
    AdamW other(trained.trainable.groups, {});  // on the device, from tensors on the CPU
    other.restore(saved);
    for (const auto& [name, tensor] : other.state()) {
      EXPECT_EQ(tensor.device(), where) << name;
      EXPECT_TRUE(at::equal(tensor.cpu(), saved.at(name))) << name;
    }
    for (const auto& [name, tensor] : average.state()) EXPECT_EQ(tensor.device(), where) << name;
    averages.push_back(trained.model->parameters().front().second.detach().cpu());
  }
  ASSERT_EQ(states[0].size(), states[1].size());
  for (const auto& [name, tensor] : states[1]) {
    EXPECT_LE((states[0].at(name) - tensor).abs().max().item<double>(), 1e-3 * (1e-6 + tensor.abs().max().item<double>()))
        << name;
  }
  EXPECT_LT((averages[0] - averages[1]).abs().max().item<double>(), 1e-3);
}

TEST_P(Device, PredictionsComeBackToTheCpu) {
  std::vector<Outputs> both;
  for (const auto where : {device, c10::Device(c10::kCPU)}) {
    const at::NoGradGuard no_grad;
    sam3::Sam3 model(tiny(0.0, "off"));
    model.initialise(1);
    if (!where.is_cpu()) model.move(where);
    model.train(false);
    Batch batch = shard(1).whole;
    batch.targets = {};
    both.push_back(model.forward(on_device(std::move(batch), where)));
  }
  const auto there = predict(both[0], 0, 4, 30, 40, {}), cpu = predict(both[1], 0, 4, 30, 40, {});
  for (std::size_t q = 0; q < cpu.size(); ++q) {
    EXPECT_NEAR(there[q].confidence, cpu[q].confidence, 1e-4);
    EXPECT_LT((there[q].probability - cpu[q].probability).abs().max().item<double>(), 1e-3);
    EXPECT_LT((there[q].box - cpu[q].box).abs().max().item<double>(), 1e-2);
    EXPECT_TRUE(there[q].mask.is_cpu());
  }
  EXPECT_TRUE(merge(there, 30, 40).is_cpu());
  const auto instances = find_instances(both[0], 1, 30, 40, 0.0);
  EXPECT_GT(instances.scores.size(0), 0);
  EXPECT_TRUE(instances.scores.is_cpu() && instances.boxes.is_cpu() && instances.masks.is_cpu());
  EXPECT_TRUE(semantic_mask(both[0], 1, 30, 40).is_cpu());
}

TEST(SecondDevice, RefusesTensorsOfTwoDevices) {
  const auto there = at::ones({2}, at::TensorOptions().device(second_device()));
  EXPECT_EQ((there + there).cpu().sum().item<double>(), 4.0);
  EXPECT_THROW((void)(there + at::ones({2})), c10::Error);
  EXPECT_NO_THROW((void)(there + at::ones({})));
}

INSTANTIATE_TEST_SUITE_P(Everywhere, Device, testing::Values("second"));
INSTANTIATE_TEST_SUITE_P(Gpu, Device, testing::Values("cuda"));

}  // namespace
}  // namespace sam3lab::engine_device_test
