// Training is the published package's: each loss term, gradient and movement of a first step, the losses of ten steps, the
// schedule and the layers that rates decay over. Golden files: scripts/golden/sam3_training.py.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <ATen/Parallel.h>
#include <torch/types.h>

#include "core/tensor/torch_file.h"
#include "core/optim/schedule.h"
#include "core/train/trace.h"
#include "plugins/losses/box/box_loss.h"
#include "plugins/losses/classification_presence/classification_presence_loss.h"
#include "plugins/losses/instance_mask/instance_mask_loss.h"
#include "plugins/losses/semantic_mask/semantic_mask_loss.h"
#include "plugins/matchers/hungarian/binary_hungarian.h"
#include "plugins/matchers/one_to_many/binary_one_to_many.h"
#include "tests/plugins/sam3/golden.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::sam3_training_test {
using namespace losses::box;
using namespace losses::classification_presence;
using namespace losses::instance_mask;
using namespace losses::semantic_mask;
using namespace matchers::hungarian;
using namespace matchers::one_to_many;
namespace {

using golden::Golden;

Criterion recipe() {
  return Criterion(
      {}, std::make_shared<BinaryHungarian>(HungarianOptions{}), std::make_shared<BinaryOneToMany>(OneToManyOptions{}),
      {std::make_shared<BoxLoss>(BoxOptions{}), std::make_shared<ClassificationPresence>(ClassificationPresenceOptions{}),
       std::make_shared<InstanceMaskLoss>(InstanceMaskOptions{}), std::make_shared<SemanticMaskLoss>(SemanticMaskOptions{})});
}

at::Tensor padded(const at::Tensor& boxes, const at::Tensor& counts) {
  auto rows = at::zeros({counts.numel(), std::max<std::int64_t>(1, counts.max().item<std::int64_t>()), 4});
  std::int64_t first = 0;
  for (std::int64_t q = 0; q < counts.numel(); ++q) {
    for (std::int64_t i = 0; i < counts[q].item<std::int64_t>(); ++i) rows[q][i].copy_(boxes[first++]);
  }
  return rows;
}

Batch batch_of(const Golden& file, std::int64_t side) {
  const auto in = [&](const std::string& name) { return file.tensors.at("in." + name); };
  Batch batch;
  batch.images = golden::images(file, side);
  batch.texts = nlohmann::json::parse(file.meta.at("texts")).get<std::vector<std::string>>();
  batch.image_index = in("image_index");
  batch.targets = {in("num_boxes"), in("boxes"), padded(in("boxes"), in("num_boxes")), in("masks").to(at::kBool), {}};
  if (file.tensors.contains("in.prompt_boxes"))
    batch.box_prompts = {in("prompt_boxes"), in("prompt_labels"), in("prompt_padding").to(at::kBool)};
  return batch;
}

class Sam3Steps : public testing::TestWithParam<const char*> {
 protected:
  Sam3Steps() : file_(golden::read(std::string("steps_") + GetParam())), model_(golden::options_of(file_)) {
    at::set_num_threads(1);  // another number changes the order of sums
    golden::fill(model_);
    for (const auto& [name, tensor] : model_.parameters()) start_[name] = tensor.clone();
    write_torch_file(folder_ / "checkpoint.pt", start_);
  }

  Tensors run(std::int64_t steps) {
    TraceCase given;
    given.folder = folder_.path().string();
    given.learning_rate = std::stod(file_.meta.at("lr"));
    given.weight_decay = std::stod(file_.meta.at("weight_decay"));
    given.batch = batch_of(file_, model_.image_size());
    return trace(given, model_, recipe(), steps);
  }
  [[nodiscard]] at::Tensor want(const std::string& name) const { return file_.tensors.at(name); }

  Golden file_;
  sam3::Sam3 model_;
  Tensors start_;
  test::TempFolder folder_;
};

void expect_terms(const Golden& file, const Tensors& got) {
  std::size_t terms = 0;
  for (const auto& [name, value] : file.tensors) {
    if (name.rfind("loss.", 0) != 0) continue;
    const double expected = value.item<double>();
    if (expected == 0.0 && !got.contains(name)) continue;  // the package reports terms that are off as 0
    ++terms;
    ASSERT_TRUE(got.contains(name)) << name;
    EXPECT_NEAR(got.at(name).item<double>(), expected, 1e-5 * std::max(1.0, std::abs(expected))) << name;
  }
  EXPECT_GT(terms, 15U);
}

// Samples of all parameters as one row each; elements whose gradient is rounding noise are left out of the movement, for the
// first step of AdamW is nearly the sign of the gradient.
void expect_step(const Golden& file, const Tensors& start, const Tensors& got) {
  const auto names = nlohmann::json::parse(file.meta.at("moved")).get<std::vector<std::string>>();
  const std::int64_t most = std::stol(file.meta.at("samples"));
  std::vector<at::Tensor> gradients, movements, peaks;
  for (const auto& name : names) {
    ASSERT_TRUE(got.contains("grad." + name)) << name;
    gradients.push_back(formula::samples(name, got.at("grad." + name), most));
    movements.push_back(formula::samples(name, got.at("param." + name).to(at::kDouble) - start.at(name).to(at::kDouble), most));
    peaks.push_back(at::full_like(gradients.back(), got.at("grad." + name).abs().max().item<double>()));
  }
  const auto gradient = at::cat(gradients), movement = at::cat(movements), peak = at::cat(peaks);
  const auto& wanted = file.tensors.at("gradients");
  ASSERT_EQ(gradient.sizes(), wanted.sizes());
  EXPECT_LE((gradient - wanted).norm().item<double>(), 1e-4 * wanted.norm().item<double>());
  const auto matters = wanted.abs().gt(1e-2 * peak).logical_and(peak.gt(1e-6 * peak.max()));
  EXPECT_GT(matters.sum().item<std::int64_t>(), wanted.numel() / 2);
  const auto step = file.tensors.at("movements").masked_select(matters);
  EXPECT_LE((movement.masked_select(matters) - step).norm().item<double>(), 1e-3 * step.norm().item<double>());
  for (const auto& [name, tensor] : start) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    EXPECT_FALSE(got.contains("grad." + name)) << name;
    EXPECT_TRUE(got.at("param." + name).equal(tensor)) << name << " has no gradient and must stay";
  }
}

TEST_P(Sam3Steps, AreThePackages) {
  const auto curve = want("curve");
  const auto got = run(std::max<std::int64_t>(2, curve.numel()));
  expect_terms(file_, got);
  expect_step(file_, start_, got);
  const auto losses = got.at("steps.core_loss").narrow(0, 0, curve.numel());
  for (std::int64_t step = 0; step < curve.numel(); ++step) {
    const double expected = curve[step].item<double>();
    EXPECT_NEAR(losses[step].item<double>(), expected, 1e-3 * std::max(1.0, std::abs(expected))) << "step " << step;
  }
}

TEST_P(Sam3Steps, PairTheSameNumberOfOneToManyQueries) {
  model_.train(true);
  const at::NoGradGuard no_grad;
  const auto batch = batch_of(file_, model_.image_size());
  const auto outputs = model_.forward(batch);
  const auto matches = BinaryOneToMany{OneToManyOptions{}}.match(outputs.last.one_to_many, batch.targets);
  EXPECT_EQ(matches.query.numel(), want("pairs").item<std::int64_t>());
  if (std::string(GetParam()) == "near") {
    EXPECT_GE(matches.query.numel(), 5);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Sam3Steps, testing::Values("mixed", "no_target", "many_targets", "near"),
                         [](const auto& case_info) { return std::string(case_info.param); });

nlohmann::json published_rates() {
  std::ifstream in(SAM3LAB_SOURCE_DIR "/tests/golden/schedule.json");
  return nlohmann::json::parse(in);
}

TEST(PublishedSchedule, IsFollowedFor200Steps) {
  const auto published = published_rates();
  for (const auto& row : published.at("schedules")) {
    const Schedule schedule{"inverse_square_root", row.at("steps"), row.at("warmup"), row.at("cooldown"), row.at("timescale")};
    const auto& factors = row.at("factors");
    ASSERT_EQ(factors.size(), 200U);
    for (std::size_t step = 0; step < factors.size(); ++step) {
      if (factors[step].is_null()) continue;
      EXPECT_NEAR(schedule.factor(static_cast<std::int64_t>(step)), factors[step].get<double>(), 1e-12)
          << "warm-up " << row.at("warmup") << ", step " << step;
    }
  }
}

TEST(PublishedLayerDecay, ScalesEachLayerOfTheImageEncoder) {
  sam3::Sam3Options options;
  options.size = "tiny";
  const sam3::Sam3 model(options);
  const auto published = published_rates();
  for (const auto& row : published.at("layer_decay")) {
    const double decay = row.at("decay");
    ASSERT_GT(row.at("scales").size(), 40U);
    for (const auto& [name, scale] : row.at("scales").items()) {
      const auto location = model.locate(name);
      EXPECT_EQ(location.module, "vision") << name;
      EXPECT_NEAR(std::pow(decay, static_cast<double>(location.layers + 1 - location.layer)), scale.get<double>(), 1e-12)
          << name;
    }
  }
}

}  // namespace
}  // namespace sam3lab::sam3_training_test
