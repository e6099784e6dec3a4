#include "plugins/backbones/sam3/checkpoint/published_sizes.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {
namespace {

const std::string image_encoder = "backbone.vision_backbone.trunk.", text_encoder = "backbone.language_backbone.encoder.";

// A length of a tensor with so many dimensions; 0 if there is no such tensor.
std::int64_t length(const Tensors& tensors, const std::string& name, std::int64_t dimensions, std::int64_t axis) {
  const auto found = tensors.find(name);
  return found == tensors.end() || found->second.dim() != dimensions ? 0 : found->second.size(axis);
}

// One more than the highest N of the names "<list>N.".
std::int64_t count(const Tensors& tensors, const std::string& list) {
  std::int64_t blocks = 0;
  for (auto entry = tensors.lower_bound(list); entry != tensors.end() && entry->first.starts_with(list); ++entry) {
    std::int64_t block = -1;
    const std::string_view rest = std::string_view(entry->first).substr(list.size());
    std::from_chars(rest.data(), rest.data() + rest.size(), block);
    if (block < std::int64_t{1} << 32) blocks = std::max(blocks, block + 1);
  }
  return blocks;
}

}  // namespace

CheckpointSizes published_sizes(const Tensors& bare) {
  const Sizes published = resolve({});
  CheckpointSizes result;
  const auto compare = [&](const char* name, std::int64_t has, std::int64_t wanted) {
    if (has == wanted) return;
    const auto add = [&](std::string& text, const std::string& value) {
      text += (text.empty() ? "" : ", ") + std::string(name) + " " + value;
    };
    add(result.found, has == 0 ? "unknown" : std::to_string(has));
    add(result.expected, std::to_string(wanted));
  };
  const std::int64_t grid = published.pretrain_grid();
  compare("embed_dim", length(bare, image_encoder + "pos_embed", 3, 2), published.embed_dim);
  compare("positions", length(bare, image_encoder + "pos_embed", 3, 1), 1 + grid * grid);
  compare("patch_size", length(bare, image_encoder + "patch_embed.proj.weight", 4, 3), published.patch_size);
  compare("depth", count(bare, image_encoder + "blocks."), published.depth);
  compare("MLP width", length(bare, image_encoder + "blocks.0.mlp.fc1.weight", 2, 0), published.mlp_width());
  compare("text_width", length(bare, text_encoder + "positional_embedding", 2, 1), published.text_width);
  compare("context_length", length(bare, text_encoder + "positional_embedding", 2, 0), published.context_length);
  compare("text_layers", count(bare, text_encoder + "transformer.resblocks."), published.text_layers);
  compare("d_model", length(bare, "transformer.decoder.query_embed.weight", 2, 1), published.d_model);
  compare("num_queries", length(bare, "transformer.decoder.query_embed.weight", 2, 0), published.num_queries);
  compare("dim_feedforward", length(bare, "transformer.encoder.layers.0.linear1.weight", 2, 0), published.dim_feedforward);
  compare("encoder_layers", count(bare, "transformer.encoder.layers."), published.encoder_layers);
  compare("decoder_layers", count(bare, "transformer.decoder.layers."), published.decoder_layers);
  compare("geometry_layers", count(bare, "geometry_encoder.encode."), published.geometry_layers);
  if (result.found.empty()) result.options = OptionValues{{"size", std::string("full")}};
  return result;
}

}  // namespace sam3lab::sam3
