// Names and values of a checkpoint on its way through the layouts, on all names of the published files with tiny shapes.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"
#include "core/tensor/torch_file.h"
#include "plugins/backbones/sam3/checkpoint/layouts.h"
#include "plugins/backbones/sam3/checkpoint/published_sizes.h"
#include "plugins/backbones/sam3/checkpoint/sam3_layouts.h"
#include "plugins/backbones/sam3/model/model.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::sam3::layouts_test {
namespace {

const std::vector<Layout> all_layouts = {Layout::bare, Layout::detector, Layout::ddp, Layout::transformers};

// Bytes of every pattern, NaN and negative zero among them: a copy must keep them all.
at::Tensor noise(const std::string& name, at::IntArrayRef shape, at::ScalarType type) {
  auto tensor = at::empty(shape, type);
  auto* bytes = static_cast<unsigned char*>(tensor.mutable_data_ptr());
  std::uint64_t state = std::hash<std::string>()(name) | 1U;
  for (std::size_t i = 0; i < tensor.nbytes(); ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    bytes[i] = static_cast<unsigned char>(state >> 56U);
  }
  return tensor;
}

void add_line(const std::string& line, const std::string& wanted, Tensors& into) {
  std::istringstream in(line);
  std::string layout, pattern, shape, type;
  in >> layout >> pattern >> shape >> type;
  if (layout != wanted) return;
  std::vector<std::int64_t> sizes;
  if (shape != "scalar") {
    std::istringstream lengths(shape);
    for (std::string length; std::getline(lengths, length, 'x');) sizes.push_back(std::stoll(length));
  }
  int first = 0, last = 0;
  const auto open = pattern.find('{'), close = pattern.find('}');
  if (open != std::string::npos) {
    ASSERT_EQ(std::sscanf(pattern.c_str() + open, "{%d..%d}", &first, &last), 2) << line;
  }
  for (int i = first; i <= last; ++i) {
    auto name = pattern;
    if (open != std::string::npos) name.replace(open, close + 1 - open, std::to_string(i));
    // A checkpoint may mix types; those of one attention layer are the same.
    const bool half = name.find("blocks.3.") != std::string::npos || name.find("backbone.layers.3.") != std::string::npos;
    const auto chosen = type == "complex64" ? at::kComplexFloat : half ? at::kBFloat16 : at::kFloat;
    EXPECT_TRUE(into.emplace(name, noise(name, sizes, chosen)).second) << name;
  }
}

Tensors published(const std::string& layout) {
  std::ifstream in(SAM3LAB_SOURCE_DIR "/tests/golden/checkpoint_names.txt");
  Tensors result;
  for (std::string line; std::getline(in, line);) add_line(line, layout, result);
  return result;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a.contiguous(), y = b.contiguous();
  return x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() &&
         std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

void expect_same(const Tensors& got, const Tensors& want, const std::string& what) {
  EXPECT_EQ(got.size(), want.size()) << what;
  for (const auto& [name, tensor] : want) {
    const auto found = got.find(name);
    ASSERT_NE(found, got.end()) << what << ": " << name;
    EXPECT_TRUE(same_bits(found->second, tensor)) << what << ": " << name;
  }
}

Tensors through(const Tensors& from, Layout layout) { return from_bare(to_bare(from, "file"), layout); }

struct Files : testing::Test {
  test::TempFolder temporary;
  std::filesystem::path folder = temporary.path();
};

TEST(PublishedNames, EachIsFoundInTheOtherLayout) {
  const auto file = published("detector"), port = published("transformers");
  ASSERT_EQ(file.size(), 1465U);
  ASSERT_EQ(port.size(), 1468U);
  const auto converted = through(file, Layout::transformers);
  std::map<std::string, int> beside;
  for (const auto& [name, tensor] : converted) {
    const auto found = port.find(name);
    if (found == port.end()) {
      ++beside[name.substr(0, name.find('.'))];
    } else {
      EXPECT_EQ(tensor.sizes(), found->second.sizes()) << name;
    }
  }
  for (const auto& item : port) EXPECT_EQ(converted.count(item.first), 1U) << item.first;
  // Point projections (6), the class token's position and 32 rotary phases; the video model's neck and the rest of it.
  EXPECT_EQ(beside, (std::map<std::string, int>{{"detector", 39}, {"tracker_neck", 22}, {"tracker", 309}}));
}

TEST(PublishedNames, SayWhatIsBuilt) {
  const auto file = published("detector");
  for (const auto layout : all_layouts) {
    std::map<TensorUse, int> uses;
    for (const auto& item : through(file, layout)) ++uses[use_of(item.first, layout)];
    EXPECT_EQ(uses[TensorUse::derived], 32) << layout_name(layout);
    EXPECT_EQ(uses[TensorUse::not_built], 331) << layout_name(layout);
    EXPECT_EQ(uses[TensorUse::unknown], 0) << layout_name(layout);
    EXPECT_EQ(uses[TensorUse::parameter], layout == Layout::transformers ? 1468 + 6 + 1 : 1102) << layout_name(layout);
  }
}

TEST_F(Files, RoundTripThroughEveryLayoutAndFormatKeepsEveryBit) {
  const auto file = published("detector");
  for (const auto layout : all_layouts) {
    const auto named = through(file, layout);
    EXPECT_EQ(layout_of(named), layout) << layout_name(layout);
    const auto torch = folder / (layout_name(layout) + ".pt"), safetensors = folder / (layout_name(layout) + ".safetensors");
    write_torch_file(torch, named, layout == Layout::transformers ? "" : "model");
    write_safetensors(safetensors, named);
    expect_same(through(read_checkpoint(torch).tensors, Layout::detector), file, torch);
    expect_same(through(read_checkpoint(safetensors).tensors, Layout::detector), file, safetensors);
  }
  auto tensors = file;  // and one after the other
  for (const auto layout :
       {Layout::ddp, Layout::transformers, Layout::bare, Layout::transformers, Layout::ddp, Layout::detector}) {
    tensors = through(tensors, layout);
  }
  expect_same(tensors, file, "chain");
}

TEST(Transformers, AFileOfThePortHasEveryParameter) {
  const auto port = published("transformers");
  const auto named = to_bare(port, "file");
  EXPECT_EQ(named.layout, "transformers");
  EXPECT_EQ(named.filled.size(), 7U);
  Tensors parameters;
  for (const auto& [name, tensor] : to_bare(published("detector"), "file").model) {
    if (use_of(name, Layout::bare) == TensorUse::parameter) parameters.emplace(name, tensor);
  }
  EXPECT_EQ(named.model.size(), parameters.size());
  for (const auto& [name, tensor] : parameters) {
    ASSERT_EQ(named.model.count(name), 1U) << name;
    EXPECT_EQ(named.model.at(name).sizes(), tensor.sizes()) << name;
  }
  expect_same(from_bare(named, Layout::transformers), port, "the port's own file");
  for (const auto layout : all_layouts) {
    expect_same(through(from_bare(named, layout), Layout::transformers), port, layout_name(layout));
  }
}

TEST(Transformers, TensorsAreRearrangedAsTheModulesReadThem) {
  const auto file = published("detector");
  const auto port = through(file, Layout::transformers);
  const auto expect = [&](const std::string& name, const at::Tensor& want) {
    EXPECT_TRUE(same_bits(port.at(name), want)) << name;
  };
  const std::string own = "detector.", trunk = own + "backbone.vision_backbone.trunk.",
                    text = own + "backbone.language_backbone.";
  const auto qkv = file.at(trunk + "blocks.5.attn.qkv.weight");
  expect("vision_encoder.backbone.layers.5.attention.q_proj.weight", qkv.narrow(0, 0, 4));
  expect("vision_encoder.backbone.layers.5.attention.k_proj.weight", qkv.narrow(0, 4, 4));
  expect("vision_encoder.backbone.layers.5.attention.v_proj.weight", qkv.narrow(0, 8, 4));
  expect("text_encoder.text_projection.weight", file.at(text + "encoder.text_projection").t());
  expect("text_projection.weight", file.at(text + "resizer.weight"));
  expect("vision_encoder.backbone.embeddings.position_embeddings", file.at(trunk + "pos_embed").narrow(1, 1, 7));
  expect("detector.backbone.vision_backbone.trunk.pos_embed.class_token", file.at(trunk + "pos_embed").narrow(1, 0, 1));
  expect("detr_decoder.layers.2.vision_cross_attn_layer_norm.bias", file.at(own + "transformer.decoder.layers.2.norm1.bias"));
  expect("detr_decoder.layers.2.self_attn_layer_norm.bias", file.at(own + "transformer.decoder.layers.2.norm2.bias"));
  expect("detr_decoder.layers.2.mlp_layer_norm.bias", file.at(own + "transformer.decoder.layers.2.norm3.bias"));
  expect("detr_decoder.box_head.layer3.weight", file.at(own + "transformer.decoder.bbox_embed.layers.2.weight"));
  expect("geometry_encoder.layers.1.cross_attn.v_proj.bias",
         file.at(own + "geometry_encoder.encode.1.cross_attn_image.in_proj_bias").narrow(0, 6, 3));
}

TEST(Transformers, TheVideoPortsNamesComeBack) {
  const Tensors video = {{"detector_model.vision_encoder.backbone.layer_norm.bias", at::ones({2})},
                         {"detector_model.detr_decoder.layers.0.self_attn.q_proj.bias", at::ones({2})},
                         {"detector_model.detr_decoder.layers.0.self_attn.k_proj.bias", at::ones({2}) * 2},
                         {"detector_model.detr_decoder.layers.0.self_attn.v_proj.bias", at::ones({2}) * 3},
                         {"tracker_neck.fpn_layers.0.scale_layers.2.bias", at::ones({3})},
                         {"tracker_model.no_memory_embedding", at::ones({4})}};
  EXPECT_EQ(layout_of(video), Layout::transformers);
  EXPECT_EQ(use_of("tracker_neck.fpn_layers.0.scale_layers.2.bias", Layout::transformers), TensorUse::not_built);
  const auto named = to_bare(video, "file");
  EXPECT_EQ(named.model.count("backbone.vision_backbone.sam2_convs.0.dconv_2x2_1.bias"), 1U);
  EXPECT_TRUE(named.model.at("transformer.decoder.layers.0.self_attn.in_proj_bias")
                  .equal(at::tensor({1, 1, 2, 2, 3, 3}).to(at::kFloat)));
  for (const auto layout : all_layouts)
    expect_same(through(from_bare(named, layout), Layout::transformers), video, layout_name(layout));
}

TEST(Transformers, OtherNamesStayAndShapesThatCannotBeConvertedAreRefused) {
  const std::string query = "detr_encoder.layers.0.self_attn.q_proj.bias", key = "detr_encoder.layers.0.self_attn.k_proj.bias",
                    value = "detr_encoder.layers.0.self_attn.v_proj.bias";
  const Tensors strange = {{query, at::ones({2})},
                           {key, at::ones({2})},
                           {"some.thing", at::ones({1})},
                           {"detr_encoder.layers.00.layer_norm1.bias", at::ones({1})},
                           {"detr_decoder.box_head.layer0.bias", at::ones({1})}};
  const auto named = to_bare(strange, "file");
  EXPECT_EQ(named.model.count("transformer.encoder.layers.0.self_attn.in_proj_bias"), 0U);
  expect_same(from_bare(named, Layout::transformers), strange, "strange names");

  const auto refused = [](const Tensors& tensors) { EXPECT_THROW((void)to_bare(tensors, "file"), DataError); };
  refused({{query, at::ones({2})}, {key, at::ones({3})}, {value, at::ones({2})}});
  refused({{query, at::ones({})}, {key, at::ones({})}, {value, at::ones({})}});
  refused({{query, at::ones({2})}, {key, at::ones({2}, at::kHalf)}, {value, at::ones({2})}});
  const auto endless = at::empty({std::int64_t{1} << 62, 0}, at::kChar);
  refused({{query, endless}, {key, endless}, {value, endless}});
  refused({{"vision_encoder.backbone.embeddings.position_embeddings",
            at::empty({1, std::numeric_limits<std::int64_t>::max(), 0}, at::kChar)}});
  refused({{"vision_encoder.backbone.embeddings.position_embeddings", at::ones({2, 3})}});
  refused({{"text_encoder.text_projection.weight", at::ones({2})}});
  refused({{"vision_encoder.backbone.layer_norm.bias", at::ones({1})},
           {"detector_model.vision_encoder.backbone.layer_norm.bias", at::ones({1})}});
  const auto unwritable = [](const std::string& name, const at::Tensor& tensor) {
    EXPECT_THROW((void)from_bare(to_bare({{name, tensor}}, "file"), Layout::transformers), DataError) << name;
  };
  unwritable("transformer.decoder.layers.0.ca_text.in_proj_weight", at::ones({7, 2}));
  unwritable("transformer.decoder.layers.0.ca_text.in_proj_bias", at::ones({}));
  unwritable("backbone.vision_backbone.trunk.pos_embed", at::ones({1, 1, 4}));
  unwritable("backbone.language_backbone.encoder.text_projection", at::ones({2, 2, 2}));
}

TEST(Layouts, AllLeadToBareNames) {
  const auto weight = at::ones({1});
  const std::string name = "backbone.vision_backbone.trunk.pos_embed";
  for (const std::string prefix : {"", "detector.", "module.", "module.detector."}) {
    const auto named = to_bare({{prefix + name, weight}, {prefix + "extra", weight}}, "file.pt");
    EXPECT_EQ(named.model.count(name), 1U) << prefix;
    EXPECT_EQ(named.model.count("extra"), 1U) << prefix;
    EXPECT_EQ(named.layout, prefix.empty() ? "bare" : prefix == "detector." ? "detector" : "ddp");
  }
}

TEST(Layouts, KeepTheTrackerApartAndComeBack) {
  const Tensors published = {{"detector.transformer.decoder.query_embed.weight", at::ones({1})},
                             {"tracker.no_mem_embed", at::ones({2})}};
  const auto named = to_bare(published, "file.pt");
  EXPECT_EQ(named.model.size(), 1U);
  EXPECT_EQ(named.other.count("tracker.no_mem_embed"), 1U);
  const auto back = from_bare(named, Layout::detector);
  ASSERT_EQ(back.size(), published.size());
  for (const auto& [name, tensor] : published) EXPECT_TRUE(back.at(name).is_same(tensor)) << name;
}

TEST(Layouts, RefuseNamesOfAnotherModelAndCollisions) {
  EXPECT_THROW((void)to_bare({{"layer1.conv.weight", at::ones({1})}}, "file.pt"), DataError);
  EXPECT_THROW((void)to_bare({{"backbone.x", at::ones({1})}, {"detector.backbone.x", at::ones({1})}}, "file.pt"), DataError);
}

TEST(Layouts, WhatIsNotAParameterIsToldByItsName) {
  const Sam3Layouts layouts;
  EXPECT_EQ(layouts.use_of_own("backbone.vision_backbone.sam2_convs.0.conv_1x1.bias"), TensorUse::not_built);
  EXPECT_EQ(layouts.use_of_own("backbone.vision_backbone.trunk.blocks.0.attn.freqs_cis"), TensorUse::derived);
  EXPECT_EQ(layouts.use_of_own("backbone.vision_backbone.trunk.pos_embed"), TensorUse::parameter);
  EXPECT_EQ(layouts.use_of_own("head"), TensorUse::unknown);
  EXPECT_EQ(layouts.module_not_built("tracker_neck.fpn_layers.0.proj1.bias"), "sam2_convs");
  EXPECT_EQ(layouts.module_not_built("tracker.no_mem_embed"), "tracker");
}

// A checkpoint whose shapes are those of `sizes`; no memory is filled.
Tensors of_sizes(const Sizes& sizes) {
  const auto shape = [](std::vector<std::int64_t> lengths) { return at::zeros({1}).expand(lengths); };
  const std::string image = "backbone.vision_backbone.trunk.", text = "backbone.language_backbone.encoder.";
  const auto grid = sizes.pretrain_grid();
  Tensors tensors = {{image + "pos_embed", shape({1, 1 + grid * grid, sizes.embed_dim})},
                     {image + "patch_embed.proj.weight", shape({sizes.embed_dim, 3, sizes.patch_size, sizes.patch_size})},
                     {image + "blocks.0.mlp.fc1.weight", shape({sizes.mlp_width(), sizes.embed_dim})},
                     {text + "positional_embedding", shape({sizes.context_length, sizes.text_width})},
                     {"transformer.decoder.query_embed.weight", shape({sizes.num_queries, sizes.d_model})},
                     {"transformer.encoder.layers.0.linear1.weight", shape({sizes.dim_feedforward, sizes.d_model})}};
  const auto blocks = [&](const std::string& list, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) tensors[list + std::to_string(i) + ".norm.weight"] = shape({1});
  };
  blocks(image + "blocks.", sizes.depth);
  blocks(text + "transformer.resblocks.", sizes.text_layers);
  blocks("transformer.encoder.layers.", sizes.encoder_layers);
  blocks("transformer.decoder.layers.", sizes.decoder_layers);
  blocks("geometry_encoder.encode.", sizes.geometry_layers);
  return tensors;
}

TEST(PublishedSizes, AreToldFromShapesAndNoOthersAreGuessed) {
  auto published = of_sizes(resolve({}));
  const auto options = published_sizes(published).options;
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(*options, (OptionValues{{"size", std::string("full")}}));

  published.erase("transformer.decoder.layers.5.norm.weight");
  published["transformer.decoder.layers.99999999999999999999.norm.weight"] = at::zeros({1});
  const auto shorter = published_sizes(published);
  EXPECT_FALSE(shorter.options.has_value());
  EXPECT_EQ(shorter.found, "decoder_layers 5");
  EXPECT_EQ(shorter.expected, "decoder_layers 6");

  Sam3Options tiny;
  tiny.size = "tiny";
  EXPECT_FALSE(published_sizes(of_sizes(resolve(tiny))).options.has_value()) << "heads and image side do not show";
  EXPECT_THAT(published_sizes({{"backbone.vision_backbone.trunk.pos_embed", at::ones({2})}}).found,
              testing::HasSubstr("embed_dim unknown"));
}

// The names above are those of the model itself.
TEST(PublishedSizes, ReadTheNamesThatAModelHas) {
  Sam3Options options;
  options.size = "tiny";
  Sam3 model(options);
  const auto parameters = model.parameters();
  const auto own = published_sizes({parameters.begin(), parameters.end()});
  EXPECT_EQ(own.found, published_sizes(of_sizes(resolve(options))).found);
  EXPECT_THAT(own.found, testing::Not(testing::HasSubstr("unknown")));
}

}  // namespace
}  // namespace sam3lab::sam3::layouts_test
