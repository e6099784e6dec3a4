// Scheme lora on backbone/sam3: its start, merging, and the file that PEFT reads. Golden file: scripts/golden/peft_loads.py.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "core/tensor/safetensors.h"
#include "plugins/schemes/lora/lora_scheme.h"
#include "tests/plugins/schemes/adapter_modules.h"

namespace sam3lab::lora_test {
using namespace schemes::lora;
namespace {

using namespace additions;
using sam3::Sam3;

TEST(Lora, StartsFromSeedAndName) {
  const auto start = [](std::uint64_t seed) {
    Sam3 model(tiny());
    SchemeInput input = usual;
    input.seed = seed;
    return LoraScheme(LoraOptions{}).prepare(model, input).added;
  };
  const auto a = start(1), b = start(1), c = start(2);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
    const bool zero = a[i].first.ends_with("lora_B.weight");
    EXPECT_EQ(at::equal(a[i].second, c[i].second), zero) << a[i].first;
    const double bound = 1.0 / std::sqrt(static_cast<double>(a[i].second.size(1)));
    EXPECT_NEAR(a[i].second.abs().max().item<double>(), zero ? 0.0 : bound, 0.1 * bound) << a[i].first;
  }
}

TEST(Lora, MergesAndComesOutAgainBitByBit) {
  Sam3 model(tiny());
  fill(model);
  LoraOptions options;
  options.targets = {"*"};
  options.rank_stabilised = true;
  const auto trainable = LoraScheme(options).prepare(model, usual);
  stir(trainable.added, 0.3);
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, tensor] : model.parameters()) before[name] = tensor.detach().clone();
  const Outputs apart = evaluate(model);
  for (int round = 0; round < 2; ++round) {
    trainable.merge(true);
    trainable.merge(true);  // once is enough
    const auto one = results(apart), other = results(evaluate(model));
    for (std::size_t i = 0; i < one.size(); ++i) {
      const double size = std::max(1.0, one[i].second.abs().max().item<double>());
      EXPECT_LE((one[i].second - other[i].second).abs().max().item<double>(), 1e-5 * size) << one[i].first;
    }
    for (const auto& [name, tensor] : model.parameters()) {
      const bool merged = name == "dot_prod_scoring.hs_proj.weight";
      EXPECT_FALSE(merged && at::equal(tensor, before.at(name)));
    }
    trainable.merge(false);
    trainable.merge(false);
    for (const auto& [name, tensor] : model.parameters()) EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
    expect_equal(apart, evaluate(model));
  }
}

// The file of PEFT itself: which tensors it keeps for the configuration that we write, and what transformers' model with PEFT's
// layers computes with them.
TEST(Lora, IsWhatPeftReads) {
  const auto golden = read_safetensors(SAM3LAB_SOURCE_DIR "/tests/golden/peft_lora.safetensors");
  Sam3 model(tiny());
  fill(model);
  LoraOptions options;
  options.rank = 3, options.alpha = 6.0;
  options.targets = {"*"};
  const auto trainable = LoraScheme(options).prepare(model, usual);
  std::ifstream file(SAM3LAB_SOURCE_DIR "/tests/golden/peft/adapter_config.json");
  std::stringstream config;
  config << file.rdbuf();
  ASSERT_EQ(trainable.added_files.size(), 1U);
  EXPECT_EQ(trainable.added_files[0].first, "adapter_config.json");
  EXPECT_EQ(trainable.added_files[0].second, config.str());

  std::map<std::string, at::Tensor> added(trainable.added.begin(), trainable.added.end());
  std::size_t keys = 0;
  for (const auto& [name, shape] : golden.tensors) {
    if (!name.starts_with("base_model.")) continue;
    ++keys;
    ASSERT_TRUE(added.contains(name)) << name;
    EXPECT_TRUE(at::equal(at::tensor(added.at(name).sizes(), at::kLong), shape)) << name;
  }
  EXPECT_EQ(keys, added.size());
  stir(trainable.added, 0.3);
  const Outputs outputs = evaluate(model, two_images(false));
  for (const auto& [name, tensor] : results(outputs)) {
    const auto found = golden.tensors.find("output." + name);
    if (found == golden.tensors.end()) continue;
    const at::Tensor got = formula::samples(name, tensor);
    EXPECT_LE((got - found->second).abs().max().item<double>(), 1e-4 * found->second.abs().max().item<double>()) << name;
  }
  const Outputs plain = [&] {
    for (const auto& point : model.injection_points()) model.attach(point.name, nullptr);
    return evaluate(model, two_images(false));
  }();
  EXPECT_GT((plain.semantic - outputs.semantic).abs().max().item<double>(), 0.01) << "the adapters change nothing";
}

}  // namespace
}  // namespace sam3lab::lora_test
