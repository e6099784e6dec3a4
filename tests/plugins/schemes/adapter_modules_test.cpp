// Schemes that attach adapter modules to backbone/sam3 (lora, adapter, prefix), and its injection points.
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/schemes/adapter/adapter_scheme.h"
#include "plugins/schemes/lora/lora_scheme.h"
#include "plugins/schemes/prefix/prefix_scheme.h"
#include "tests/plugins/schemes/adapter_modules.h"

namespace sam3lab::adapter_modules_test {
using namespace schemes::adapter;
using namespace schemes::lora;
using namespace schemes::prefix;
namespace {

using sam3::Sam3;
using testing::HasSubstr;
using namespace additions;

// A number that everything the model says has a part in.
at::Tensor total(const Outputs& outputs) {
  at::Tensor sum = outputs.semantic.square().mean();
  const auto add = [&](const LayerOutputs& layer) {
    sum = sum + layer.presence.square().sum();
    for (const auto* set : {&layer.one_to_one, &layer.one_to_many}) {
      sum = sum + set->logits.square().sum() + set->boxes.square().sum();
      if (set->masks.defined()) sum = sum + set->masks.square().mean();
    }
  };
  add(outputs.last);
  for (const auto& layer : outputs.auxiliary) add(layer);
  return sum;
}

struct Named {
  std::string name;
  std::function<std::shared_ptr<Scheme>()> make;
  bool neutral;  // the output is untouched at first
};

std::vector<Named> schemes() {
  const auto lora = [](Texts targets, double dropout) {
    LoraOptions options;
    options.dropout = dropout;
    options.targets = std::move(targets);
    return std::make_shared<LoraScheme>(options);
  };
  const auto adapter = [](const std::string& form) {
    AdapterOptions options;
    options.form = form;
    options.targets = {"*"};
    options.width = 4;
    return std::make_shared<AdapterScheme>(options);
  };
  const auto prefix = [] {
    PrefixOptions options;
    options.targets = {"*"};
    return std::make_shared<PrefixScheme>(options);
  };
  return {{"lora with dropout",
           [=] {
             return lora({"*.q", "*.v"}, 0.5);
           },
           true},
          {"lora everywhere", [=] { return lora({"*"}, 0.0); }, true},
          {"serial", [=] { return adapter("serial"); }, true},
          {"parallel", [=] { return adapter("parallel"); }, true},
          {"prefix", prefix, false}};
}

TEST(Sam3InjectionPoints, LieWithinTheirWeightsAndHaveOneName) {
  Sam3 model(tiny());
  const auto parameters = model.parameters();
  const std::map<std::string, at::Tensor> weights(parameters.begin(), parameters.end());
  std::set<std::string> names, modules;
  std::map<std::string, std::int64_t> rows;  // of each weight that injection points offer
  for (const auto& point : model.injection_points()) {
    EXPECT_TRUE(names.insert(point.name).second) << point.name;
    if (point.kind != InjectionPoint::Kind::linear) continue;
    ASSERT_TRUE(weights.contains(point.weight)) << point.weight;
    EXPECT_EQ(weights.at(point.weight).size(1), point.in) << point.name;
    EXPECT_LE(point.first_row + point.out, weights.at(point.weight).size(0)) << point.name;
    rows[point.weight] += point.out;
    EXPECT_FALSE(model.checkpoint_layouts()->transformers_names(point.weight).empty()) << point.weight;
  }
  for (const auto& [weight, count] : rows) EXPECT_EQ(count, weights.at(weight).size(0)) << weight;
  // Every matrix is reached but embeddings, what no batch reads, and CLIP's projection of pooled text.
  for (const auto& [name, tensor] : weights) {
    const bool offered = rows.contains(name);
    const bool exempt = name.find("embed") != std::string::npos || name.find("points_") != std::string::npos ||
                        name.ends_with("reference_points.weight") || name.ends_with("presence_token.weight") ||
                        name.ends_with("text_projection") || name.ends_with("positional_embedding");
    EXPECT_TRUE(tensor.dim() != 2 || offered || exempt) << name;
  }
  for (const char* known :
       {"backbone.vision_backbone.trunk.blocks.0.attn.qkv.q", "backbone.language_backbone.encoder.transformer.resblocks.1.mlp",
        "transformer.decoder.layers.2.ca_text", "transformer.encoder.layers.0.self_attn.keys_values",
        "geometry_encoder.encode.0.mlp", "segmentation_head.cross_attend_prompt.v", "dot_prod_scoring.hs_proj"})
    EXPECT_TRUE(names.contains(known)) << known;
}

TEST(Sam3InjectionPoints, AnUnknownOneIsRefusedWithASuggestion) {
  Sam3 model(tiny());
  try {
    model.attach("dot_prod_scoring.hs_porj", nullptr);
    FAIL() << "was taken";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("dot_prod_scoring.hs_proj"));
  }
}

TEST(Additions, LeaveTheOutputAsItIsAtFirst) {
  for (const auto& scheme : schemes()) {
    SCOPED_TRACE(scheme.name);
    Sam3 model(tiny());
    fill(model);
    const Outputs before = evaluate(model);
    const auto trainable = scheme.make()->prepare(model, usual);
    if (scheme.neutral) {
      expect_equal(before, evaluate(model));
    } else {
      EXPECT_FALSE(at::equal(before.semantic, evaluate(model).semantic));
      EXPECT_TRUE(evaluate(model).semantic.isfinite().all().item<bool>());
    }
    // Once they are taken away nothing is left of them.
    stir(trainable.added);
    EXPECT_FALSE(at::equal(before.semantic, evaluate(model).semantic));
    for (const auto& point : model.injection_points()) model.attach(point.name, nullptr);
    expect_equal(before, evaluate(model));
  }
}

TEST(Additions, GetGradientsWithAndWithoutRecomputing) {
  for (const auto& scheme : schemes()) {
    SCOPED_TRACE(scheme.name);
    std::vector<std::map<std::string, at::Tensor>> gradients;
    for (const char* recompute : {"off", "on"}) {
      Sam3 model(tiny(recompute));
      fill(model);
      const auto trainable = scheme.make()->prepare(model, usual);
      stir(trainable.added, 0.3);
      model.train(true);
      torch::manual_seed(3);
      total(model.forward(two_images())).backward();
      gradients.emplace_back();
      for (const auto& [name, tensor] : trainable.added) {
        ASSERT_TRUE(tensor.grad().defined()) << name;
        EXPECT_GT(tensor.grad().abs().max().item<double>(), 0.0) << name;
        gradients.back()[name] = tensor.grad();
      }
      for (const auto& [name, tensor] : model.parameters()) EXPECT_FALSE(tensor.grad().defined()) << name;
    }
    for (const auto& [name, gradient] : gradients[0]) {
      const double size = gradient.norm().item<double>();
      EXPECT_LE((gradient - gradients[1].at(name)).norm().item<double>(), 1e-3 * size + 1e-5) << name;
    }
  }
}

TEST(Additions, BelowAllThatTrainsNothingIsLost) {
  // The only thing that trains sits in the last block of the image encoder: its inputs ask for no gradient.
  Sam3 model(tiny("on"));
  fill(model);
  LoraOptions options;
  options.targets = {"backbone.vision_backbone.trunk.blocks.3.*"};
  const auto trainable = LoraScheme(options).prepare(model, usual);
  stir(trainable.added);
  model.train(true);
  total(model.forward(two_images())).backward();
  for (const auto& [name, tensor] : trainable.added) EXPECT_TRUE(tensor.grad().defined()) << name;
}

TEST(Additions, OnlyWhatTrainsIsInTrainingMode) {
  Sam3 model(tiny("off", 0.3));
  fill(model);
  LoraOptions options;
  options.targets = {"transformer.decoder.layers.*"};
  (void)LoraScheme(options).prepare(model, usual);
  model.train(true);
  const auto run = [&](std::uint64_t seed) {
    torch::manual_seed(seed);
    const at::NoGradGuard no_grad;
    return model.forward(two_images());
  };
  const Outputs first = run(1), second = run(2);
  EXPECT_TRUE(at::equal(first.extras.at("encoder_hidden_states"), second.extras.at("encoder_hidden_states")));
  EXPECT_TRUE(at::equal(first.extras.at("encoder_hidden_states"), evaluate(model).extras.at("encoder_hidden_states")));
  EXPECT_FALSE(at::equal(first.last.one_to_one.logits, second.last.one_to_one.logits));
  // What a training pass yields does not hang on where it trains.
  EXPECT_TRUE(first.last.one_to_many.logits.defined());
  EXPECT_EQ(first.auxiliary.size(), 2U);
}

TEST(Additions, LearnAtTheRateOfTheirPlace) {
  Sam3 model(tiny());
  LoraOptions options;
  options.targets = {"*"};
  options.rates.text = 0.5;
  options.rates.scoring = 0.0;
  options.layers.layer_decay = 0.5;
  const auto trainable = LoraScheme(options).prepare(model, usual);
  std::map<std::string, double> rates;
  for (const auto& group : trainable.groups) {
    for (const auto& [name, tensor] : group.parameters) rates[name] = group.learning_rate;
    EXPECT_EQ(group.weight_decay, 0.1);
  }
  EXPECT_DOUBLE_EQ(rates.at("backbone.vision_backbone.trunk.blocks.0.attn.qkv.q.lora_A.weight"), 1e-3 / 16);  // 0.5^(4 + 1 - 1)
  EXPECT_DOUBLE_EQ(rates.at("backbone.vision_backbone.trunk.blocks.3.mlp.fc2.lora_B.weight"), 1e-3 / 2);
  EXPECT_DOUBLE_EQ(rates.at("backbone.language_backbone.resizer.lora_A.weight"), 5e-4);
  EXPECT_FALSE(rates.contains("dot_prod_scoring.hs_proj.lora_A.weight"));
  EXPECT_DOUBLE_EQ(rates.at("transformer.decoder.layers.0.linear1.lora_B.weight"), 1e-3);
}

TEST(Additions, APatternThatMatchesNothingIsRefused) {
  const auto refusal = [](const auto& prepare) -> std::string {
    Sam3 model(tiny());
    try {
      prepare(model);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  const auto lora = [&](Texts targets, Texts except = {}) {
    return refusal([&](Backbone& model) {
      LoraOptions options;
      options.targets = std::move(targets);
      options.except = std::move(except);
      (void)LoraScheme(options).prepare(model, usual);
    });
  };
  const std::string both = lora({"*.q", "*.qkv.x", "*.out_porj"});
  EXPECT_THAT(both, HasSubstr("'*.qkv.x'"));
  EXPECT_THAT(both, HasSubstr("'*.out_proj'"));  // a suggestion
  EXPECT_THAT(lora({"*.q"}, {"*.vision.*"}), HasSubstr("except"));
  EXPECT_THAT(lora({"*.q"}, {"*.q"}), HasSubstr("nothing is left"));
  EXPECT_THAT(lora({}), HasSubstr("nothing is left"));
  EXPECT_THAT(refusal([](Backbone& model) {
                AdapterOptions options;
                options.targets = {"*.fc1"};
                (void)AdapterScheme(options).prepare(model, usual);
              }),
              HasSubstr("no MLP or attention"));
  EXPECT_THAT(refusal([](Backbone& model) {
                PrefixOptions options;
                options.targets = {"*.attn"};
                (void)PrefixScheme(options).prepare(model, usual);
              }),
              HasSubstr(".keys_values"));
}

// Attention over [prefix, keys], written out.
TEST(Prefix, IsSeenWhateverTheMaskSays) {
  sam3::Module root;
  for (const auto kernel : {sam3::Attention::Kernel::fused, sam3::Attention::Kernel::written_out}) {
    sam3::Attention attention(root, kernel == sam3::Attention::Kernel::fused ? "a" : "b", 8, 2, 0.0, kernel);
    const at::NoGradGuard no_grad;
    for (auto* tensor :
         {&attention.in_proj_weight, &attention.in_proj_bias, &attention.out_proj.weight, &attention.out_proj.bias})
      tensor->copy_(formula::weight("attention", tensor->sizes()));
    const at::Tensor x = formula::uniform("x", {1, 5, 8}).to(at::kFloat);
    const at::Tensor keys = formula::uniform("keys", {2, 3, 4}).to(at::kFloat),
                     values = formula::uniform("values", {2, 3, 4}).to(at::kFloat);
    attention.keys_values.hold(std::make_shared<Prefix>(keys, values));
    // Only the first two of five tokens may be seen.
    const at::Tensor padding = at::tensor({0, 0, 1, 1, 1}, at::kLong).view({1, 5}).to(at::kBool);
    const at::Tensor by_bool = attention(x, x, x, sam3::keys_to_attend(padding));
    const at::Tensor added =
        at::zeros({1, 1, 1, 5}).masked_fill(padding.view({1, 1, 1, 5}), -std::numeric_limits<float>::infinity());
    EXPECT_TRUE(at::allclose(by_bool, attention(x, x, x, added), 1e-5, 1e-6));

    const auto heads = [](const at::Tensor& t) { return t.view({1, -1, 2, 4}).transpose(1, 2); };
    const auto parts = at::linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, -1);
    const at::Tensor k = at::cat({keys.unsqueeze(0), heads(parts[1].narrow(1, 0, 2))}, 2);
    const at::Tensor v = at::cat({values.unsqueeze(0), heads(parts[2].narrow(1, 0, 2))}, 2);
    const at::Tensor seen = at::matmul((at::matmul(heads(parts[0]), k.transpose(-2, -1)) / 2.0).softmax(-1), v);
    EXPECT_TRUE(at::allclose(by_bool, attention.out_proj(seen.transpose(1, 2).flatten(2)), 1e-5, 1e-6));
  }
}

}  // namespace
}  // namespace sam3lab::adapter_modules_test
