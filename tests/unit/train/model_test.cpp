// The model of an experiment: weights from a checkpoint, the memory policy of [train].
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "core/tensor/safetensors.h"
#include "core/train/model.h"

namespace sam3lab::model_test {
namespace {

std::filesystem::path made(const std::string& name) {
  return std::filesystem::path(SAM3LAB_BUILD_DIR) / "test_plugins" / name / (name + ".so");
}

Experiment with_backbone(const std::string& name, const std::string& memory) {
  Experiment experiment;
  experiment.backbone = {"backbone", "", name, {}, "a.toml:1"};
  experiment.train.memory = memory;
  return experiment;
}

TEST(Model, HandsTheMemoryPolicyToTheBackbone) {
  const Registry registry({{}, {made("backbones")}});
  const auto activations = [&](const std::string& backbone, const std::string& memory) {
    return make_model(with_backbone(backbone, memory), registry, 0, 2).activations;
  };
  EXPECT_EQ(activations("test_named", "exact"), "policy 0");
  EXPECT_EQ(activations("test_named", "fast"), "policy 1");
  EXPECT_EQ(activations("test_named", "disk"), "policy 2");
  EXPECT_EQ(activations("test_named", "lean"), "policy 3");
  EXPECT_EQ(activations("test_plain", "lean"), "") << "a backbone without a choice";
}

TEST(Model, ReadsACheckpointUnderTheNamesThatTheBackboneKnows) {
  const Registry registry({{}, {made("backbones")}});
  const auto file = (std::filesystem::path(testing::TempDir()) / "model_test.safetensors").string();
  write_safetensors(file, {{"model.scale", at::full({2}, 3.0F)}});
  auto experiment = with_backbone("test_named", "exact");
  experiment.checkpoint.load = file;
  const auto model = make_model(experiment, registry, 0, 1);
  EXPECT_TRUE(model.replicas.front()->parameters().front().second.equal(at::full({2}, 3.0F)));
  EXPECT_EQ(model.load_report, "matched 1, missing 0, unexpected 0, mis-shaped 0");
  experiment.backbone.use = "test_plain";
  EXPECT_THROW((void)make_model(experiment, registry, 0, 1), DataError) << "its own names alone";
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace sam3lab::model_test
