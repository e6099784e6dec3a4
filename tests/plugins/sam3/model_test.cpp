// backbone/sam3 beside its parity: options, starts, dropout, what is refused, and paths that save work.
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/model/model.h"
#include "plugins/backbones/sam3/kernels/recompute.h"
#include "plugins/backbones/sam3/kernels/roi_align.h"
#include "tests/plugins/sam3/formula.h"

namespace sam3lab::sam3::model_test {
namespace {

Sam3Options tiny(double dropout = 0.0) {
  Sam3Options options;
  options.size = "tiny";
  options.dropout = options.drop_path = dropout;
  return options;
}

Batch two_images() {
  Batch batch;
  batch.images = formula::uniform("images", {2, 3, 112, 112}).to(at::kFloat);
  batch.texts = {"liver", "left lung", "liver"};
  batch.image_index = at::tensor({1, 0, 0}, at::kLong);
  return batch;
}

void fill(Backbone& model) {
  const at::NoGradGuard no_grad;
  for (auto& [name, tensor] : model.parameters()) tensor.copy_(formula::weight(name, tensor.sizes()));
}

std::map<std::string, at::Tensor> by_name(Backbone& model) {
  const NamedTensors all = model.parameters();
  return {all.begin(), all.end()};
}

std::string refusal(const Sam3Options& options) {
  try {
    (void)resolve(options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(Sam3Sizes, PresetsGiveWayToWhatIsSet) {
  Sam3Options options = tiny();
  options.sizes.depth = 5;
  options.sizes.global_att_blocks = {0, 4};
  const Sizes sizes = resolve(options);
  EXPECT_EQ(sizes.depth, 5);
  EXPECT_EQ(sizes.embed_dim, 48);
  EXPECT_EQ(sizes.mlp_width(), 222);
  EXPECT_TRUE(sizes.is_global(4));
  EXPECT_FALSE(sizes.is_global(3));
}

TEST(Sam3Sizes, AllFaultsAreNamedAtOnce) {
  Sam3Options options = tiny();
  options.sizes.embed_dim = 50;
  options.sizes.img_size = 113;
  options.sizes.d_model = 31;
  options.sizes.depth = 2;
  const std::string text = refusal(options);
  for (const char* key : {"embed_dim", "img_size", "d_model", "global_att_blocks"}) EXPECT_THAT(text, testing::HasSubstr(key));
}

TEST(Sam3Sizes, UnfitSizesAreRefused) {
  const auto with = [](auto set) {
    Sam3Options options = tiny();
    set(options.sizes);
    return refusal(options);
  };
  EXPECT_NE(with([](Sizes& s) { s.embed_dim = 24; }), "");  // a head of 6 has no rotary position
  EXPECT_NE(with([](Sizes& s) { s.global_att_blocks = {3, 1}; }), "");
  EXPECT_NE(with([](Sizes& s) { s.global_att_blocks = {-1}; }), "");
  EXPECT_NE(with([](Sizes& s) { s.context_length = 1; }), "");
  EXPECT_NE(with([](Sizes& s) { s.num_queries = 1000000000; }), "");
  EXPECT_NE(with([](Sizes& s) { s.depth = std::numeric_limits<std::int64_t>::min(); }), "");
  EXPECT_EQ(with([](Sizes&) {}), "");
}

TEST(Sam3Start, HangsOnTheSeedAlone) {
  Sam3 first(tiny()), second(tiny());
  torch::manual_seed(5);
  first.initialise(7);
  const double after = at::rand({1}).item<double>();
  torch::manual_seed(5);
  EXPECT_EQ(at::rand({1}).item<double>(), after) << "the global generator was moved";
  second.initialise(7);
  const auto a = by_name(first), b = by_name(second);
  for (const auto& [name, tensor] : a) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
  second.initialise(8);
  EXPECT_FALSE(at::equal(a.at("geometry_encoder.cls_embed.weight"), b.at("geometry_encoder.cls_embed.weight")));
}

TEST(Sam3Start, FollowsThePackagesConstructors) {
  Sam3Options options = tiny();
  options.sizes.embed_dim = 1024, options.sizes.num_heads = 16;  // the published width of the image encoder
  options.sizes.depth = 1, options.sizes.global_att_blocks = {0};
  Sam3 model(options);
  model.initialise(1);
  const auto w = by_name(model);
  const auto deviation = [&](const std::string& name) { return w.at(name).std().item<double>(); };
  const auto bound = [&](const std::string& name) { return w.at(name).abs().max().item<double>(); };
  EXPECT_NEAR(deviation("backbone.vision_backbone.trunk.blocks.0.mlp.fc1.weight"), 0.02, 0.001);
  EXPECT_NEAR(deviation("backbone.language_backbone.encoder.token_embedding.weight"), 1.0, 0.01);
  EXPECT_NEAR(bound("backbone.vision_backbone.trunk.patch_embed.proj.weight"), 1.0 / std::sqrt(588.0), 1e-4);
  EXPECT_NEAR(bound("transformer.encoder.layers.0.linear1.weight"), std::sqrt(6.0 / 96.0), 5e-3);
  EXPECT_EQ(bound("transformer.decoder.bbox_embed.layers.2.weight"), 0.0);
  EXPECT_EQ(bound("transformer.decoder.bbox_embed.layers.2.bias"), 0.0);
  EXPECT_EQ(bound("transformer.encoder.layers.0.self_attn.in_proj_bias"), 0.0);
  EXPECT_GT(bound("transformer.encoder.layers.0.linear1.bias"), 0.0);
  EXPECT_TRUE(at::equal(w.at("segmentation_head.pixel_decoder.norms.1.weight"), at::ones({32})));
  for (const auto& [name, tensor] : w) EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
}

TEST(Sam3Training, VanishingDropoutIsNoDropout) {
  // Each query is then computed for itself; without dropout, what queries of an image share is computed once.
  Sam3 shared(tiny()), apart(tiny(1e-9));
  fill(shared), fill(apart);
  shared.train(true), apart.train(true);
  Batch batch = two_images();
  for (const bool boxes : {false, true}) {
    if (boxes) {
      batch.box_prompts.boxes =
          at::tensor({0.5, 0.5, 0.2, 0.3, 0.4, 0.4, 0.1, 0.1, 0.6, 0.5, 0.2, 0.3}, at::kFloat).view({3, 1, 4});
      batch.box_prompts.labels = at::tensor({1, 0, 1}, at::kLong).view({3, 1});
    }
    const Outputs a = shared.forward(batch), b = apart.forward(batch);
    EXPECT_TRUE(at::allclose(a.last.one_to_many.masks, b.last.one_to_many.masks, 1e-4, 1e-4));
    EXPECT_TRUE(at::allclose(a.last.one_to_one.logits, b.last.one_to_one.logits, 1e-4, 1e-4));
  }
}

TEST(Sam3Training, DropoutDrawsFromTheGlobalGeneratorAndActsInTrainingOnly) {
  Sam3 model(tiny(0.3));
  fill(model);
  const Batch batch = two_images();
  const auto logits = [&](std::uint64_t seed) {
    torch::manual_seed(seed);
    const at::NoGradGuard no_grad;
    return model.forward(batch).last.one_to_one.logits;
  };
  model.train(true);
  const at::Tensor first = logits(1);
  EXPECT_TRUE(at::equal(first, logits(1)));
  EXPECT_FALSE(at::allclose(first, logits(2)));
  model.train(false);
  EXPECT_TRUE(at::equal(logits(1), logits(2)));
}

TEST(Sam3Training, RecomputingRepeatsDropout) {
  std::vector<std::map<std::string, at::Tensor>> gradients;
  for (const char* recompute : {"off", "on"}) {
    Sam3Options options = tiny(0.3);
    options.recompute = recompute;
    Sam3 model(options);
    fill(model);
    model.train(true);
    torch::manual_seed(3);
    const Outputs outputs = model.forward(two_images());
    (outputs.last.one_to_one.masks.mean() + outputs.last.one_to_many.boxes.sum() + outputs.last.presence.sum()).backward();
    gradients.emplace_back();
    for (const auto& [name, tensor] : model.parameters()) {
      if (tensor.grad().defined()) gradients.back()[name] = tensor.grad();
    }
  }
  ASSERT_EQ(gradients[0].size(), gradients[1].size());
  for (const auto& [name, gradient] : gradients[0]) {
    EXPECT_LE((gradient - gradients[1].at(name)).norm().item<double>(), 1e-4 * gradient.norm().item<double>() + 1e-6) << name;
  }
}

TEST(Sam3Memory, ThePolicyDecidesWhereTheOptionsLeaveItToThePolicy) {
  const auto text = [](const Sam3Options& options, MemoryPolicy policy) {
    return keeping_text(keeping(options, resolve(options), policy));
  };
  const Sam3Options full;
  EXPECT_EQ(text(full, MemoryPolicy::exact), "computed again, but for 1200 MB of those of the image encoder");
  EXPECT_EQ(text(full, MemoryPolicy::lean), "computed again, but for 800 MB of those of the image encoder");
  for (const auto policy : {MemoryPolicy::fast, MemoryPolicy::disk})
    EXPECT_EQ(text(full, policy), "computed again, but for those of the image encoder and the fusion encoder");
  Sam3Options own = full;  // an explicit option goes before the policy
  own.memory = "lean";
  EXPECT_EQ(text(own, MemoryPolicy::fast), text(full, MemoryPolicy::lean));
  own.memory = "fast";
  EXPECT_EQ(text(own, MemoryPolicy::lean), text(full, MemoryPolicy::fast));
  own.recompute = "on";
  EXPECT_EQ(text(own, MemoryPolicy::fast), "all are computed again");
  own.recompute = "off";
  EXPECT_EQ(text(own, MemoryPolicy::lean), "all are kept");
  EXPECT_EQ(text(tiny(), MemoryPolicy::lean), "all are kept") << "recomputation saves nothing worth its time in a small model";
}

TEST(Sam3Memory, ThePolicyReachesEveryModule) {
  const Sizes sizes = resolve(tiny());
  Network network(sizes, 0.0, 0.0, Keeping{});
  const auto recomputing = [&] {
    return std::vector<bool>{network.vision.trunk.keeping.recomputes,
                             network.language.encoder.recomputes,
                             network.geometry.recomputes,
                             network.encoder.recomputes,
                             network.decoder.recomputes,
                             network.segmentation.recomputes};
  };
  network.keep({.recomputes = true, .bytes = 7});
  EXPECT_EQ(recomputing(), std::vector<bool>(6, true));
  EXPECT_EQ(network.vision.trunk.keeping.bytes, 7);
  network.keep({.recomputes = true, .fusion = true});
  EXPECT_EQ(recomputing(), (std::vector<bool>{true, true, true, false, true, true}));
  network.keep({});
  EXPECT_EQ(recomputing(), std::vector<bool>(6, false));

  Sam3 model(tiny());
  EXPECT_EQ(model.use_memory_policy(MemoryPolicy::fast), "all are kept");
}

TEST(Sam3Training, FrozenPartsNeedNoGradient) {
  Sam3Options options = tiny();
  options.recompute = "on";
  Sam3 model(options);
  fill(model);
  model.train(true);
  // Only a block in the middle of the image encoder trains: nothing before it has a gradient to pass on.
  const std::string alone = "backbone.vision_backbone.trunk.blocks.2.";
  for (auto& [name, tensor] : model.parameters()) tensor.requires_grad_(name.rfind(alone, 0) == 0);
  model.forward(two_images()).semantic.sum().backward();
  for (const auto& [name, tensor] : model.parameters()) EXPECT_EQ(tensor.grad().defined(), name.rfind(alone, 0) == 0) << name;
}

TEST(Sam3Batches, ThatContradictThemselvesAreRefused) {
  Sam3 model(tiny());
  const auto refuses = [&](auto change) {
    Batch batch = two_images();
    change(batch);
    EXPECT_THROW((void)model.forward(batch), DataError);
  };
  refuses([](Batch& b) { b.texts.clear(); });
  refuses([](Batch& b) { b.images = at::zeros({2, 3, 112, 98}); });
  refuses([](Batch& b) { b.images = at::Tensor(); });
  refuses([](Batch& b) { b.image_index = at::tensor({0, 1, 2}, at::kLong); });
  refuses([](Batch& b) { b.image_index = at::tensor({0, 1}, at::kLong); });
  refuses([](Batch& b) { b.box_prompts.boxes = at::zeros({3, 1, 4}); });
  refuses([](Batch& b) {
    b.box_prompts.boxes = at::full({3, 1, 4}, std::numeric_limits<float>::quiet_NaN());
    b.box_prompts.labels = at::zeros({3, 1}, at::kLong);
  });
  refuses([](Batch& b) {
    b.box_prompts.boxes = at::full({3, 1, 4}, 0.5F);
    b.box_prompts.labels = at::full({3, 1}, 2, at::kLong);
  });
}

TEST(Sam3Batches, PaddingOfBoxesMayStandAnywhere) {
  Sam3 model(tiny());
  fill(model);
  const at::NoGradGuard no_grad;
  Batch batch = two_images();
  batch.box_prompts = {formula::uniform("boxes", {3, 2, 4}).abs().to(at::kFloat),
                       at::tensor({1, 0, 0, 1, 1, 1}, at::kLong).view({3, 2}),
                       at::tensor({1, 0, 0, 0, 0, 1}, at::kLong).view({3, 2}).to(at::kBool)};
  const Outputs first = model.forward(batch);
  batch.box_prompts = {batch.box_prompts.boxes.flip({1}), batch.box_prompts.labels.flip({1}),
                       batch.box_prompts.padding.flip({1})};
  EXPECT_TRUE(at::allclose(first.last.one_to_one.masks, model.forward(batch).last.one_to_one.masks, 1e-4, 1e-4));
}

TEST(Sam3Place, NamesPartAndLayer) {
  Sam3 model(tiny());
  const auto is = [&](const char* name, const char* part, std::int64_t layer, std::int64_t layers) {
    const ParameterLocation location = model.locate(name);
    EXPECT_EQ(location.module, part) << name;
    EXPECT_EQ(location.layer, layer) << name;
    EXPECT_EQ(location.layers, layers) << name;
  };
  is("backbone.vision_backbone.trunk.pos_embed", "vision", 0, 4);
  is("backbone.vision_backbone.trunk.blocks.3.norm1.weight", "vision", 4, 4);
  is("backbone.vision_backbone.convs.0.conv_1x1.weight", "vision", 5, 4);
  is("backbone.language_backbone.encoder.token_embedding.weight", "text", 0, 2);
  is("backbone.language_backbone.encoder.transformer.resblocks.1.ln_1.bias", "text", 2, 2);
  is("backbone.language_backbone.resizer.weight", "text", 3, 2);
  is("transformer.decoder.query_embed.weight", "transformer", 0, 0);
  is("geometry_encoder.norm.bias", "geometry", 0, 0);
  is("segmentation_head.instance_seg_head.bias", "segmentation", 0, 0);
  is("dot_prod_scoring.hs_proj.bias", "scoring", 0, 0);
}

TEST(Sam3RoiAlign, AveragesBilinearSamples) {
  // On a map that is linear in x and y, the average over a bin is the value at its middle, half a cell apart from its corner.
  const at::Tensor y = at::arange(16, at::kFloat).view({16, 1}), x = at::arange(16, at::kFloat).view({1, 16});
  const at::Tensor map = (3 * x + 5 * y + 1).view({1, 1, 16, 16});
  const at::Tensor pooled = roi_align(map, at::tensor({2.0, 3.0, 9.0, 10.0}, at::kFloat).view({1, 1, 4}), 7);
  for (std::int64_t row = 0; row < 7; ++row) {
    for (std::int64_t column = 0; column < 7; ++column) {
      const double middle = 3 * (2.5 + static_cast<double>(column)) + 5 * (3.5 + static_cast<double>(row)) + 1;
      EXPECT_NEAR(pooled[0][0][row][column].item<double>(), middle, 1e-4);
    }
  }
  const at::Tensor outside = roi_align(map, at::tensor({-9.0, -9.0, -3.0, -3.0}, at::kFloat).view({1, 1, 4}), 7);
  EXPECT_EQ(outside.abs().max().item<double>(), 0.0);
}

}  // namespace
}  // namespace sam3lab::sam3::model_test
