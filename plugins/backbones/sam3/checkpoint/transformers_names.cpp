#include "plugins/backbones/sam3/checkpoint/transformers_names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <utility>

namespace sam3lab::sam3 {
namespace {

// Patterns. `#`: a number; `+`: that number plus one; `@`: q, k or v; `*`: weight or bias.
struct Pair {
  std::string_view own, theirs;
  Change change = Change::none;
};
struct Group {
  std::string_view own, theirs;  // prefixes of all of `pairs`
  std::span<const Pair> pairs;
};

constexpr Pair vision_layer[] = {
    {"norm#.*", "layer_norm#.*"},
    {"attn.qkv.*", "attention.@_proj.*"},
    {"attn.proj.*", "attention.o_proj.*"},
    {"mlp.fc#.*", "mlp.fc#.*"},
};
constexpr Pair neck[] = {
    {"convs.0.dconv_2x2_0.*", "fpn_layers.0.scale_layers.0.*"},
    {"convs.0.dconv_2x2_1.*", "fpn_layers.0.scale_layers.2.*"},
    {"convs.1.dconv_2x2.*", "fpn_layers.1.scale_layers.0.*"},
    {"convs.#.conv_1x1.*", "fpn_layers.#.proj1.*"},
    {"convs.#.conv_3x3.*", "fpn_layers.#.proj2.*"},
};
constexpr Pair text_layer[] = {
    {"ln_#.*", "layer_norm#.*"},
    {"attn.in_proj_*", "self_attn.@_proj.*"},
    {"attn.out_proj.*", "self_attn.out_proj.*"},
    {"mlp.c_fc.*", "mlp.fc1.*"},
    {"mlp.c_proj.*", "mlp.fc2.*"},
};
constexpr Pair fusion_layer[] = {
    {"norm#.*", "layer_norm#.*"},
    {"self_attn.in_proj_*", "self_attn.@_proj.*"},
    {"self_attn.out_proj.*", "self_attn.o_proj.*"},
    {"cross_attn_image.in_proj_*", "cross_attn.@_proj.*"},
    {"cross_attn_image.out_proj.*", "cross_attn.o_proj.*"},
    {"linear#.*", "mlp.fc#.*"},
};
// Here the norms are numbered as the layer was once built, there each is named for what it follows.
constexpr Pair decoder_layer[] = {
    {"self_attn.in_proj_*", "self_attn.@_proj.*"},
    {"self_attn.out_proj.*", "self_attn.o_proj.*"},
    {"norm2.*", "self_attn_layer_norm.*"},
    {"ca_text.in_proj_*", "text_cross_attn.@_proj.*"},
    {"ca_text.out_proj.*", "text_cross_attn.o_proj.*"},
    {"catext_norm.*", "text_cross_attn_layer_norm.*"},
    {"cross_attn.in_proj_*", "vision_cross_attn.@_proj.*"},
    {"cross_attn.out_proj.*", "vision_cross_attn.o_proj.*"},
    {"norm1.*", "vision_cross_attn_layer_norm.*"},
    {"linear#.*", "mlp.fc#.*"},
    {"norm3.*", "mlp_layer_norm.*"},
};
constexpr Pair trunk[] = {
    {"pos_embed", "embeddings.position_embeddings", Change::class_token},
    {"patch_embed.proj.*", "embeddings.patch_embeddings.projection.*"},
    {"ln_pre.*", "layer_norm.*"},
};
constexpr Pair text[] = {
    {"encoder.positional_embedding", "text_encoder.text_model.embeddings.position_embedding.weight"},
    {"encoder.token_embedding.weight", "text_encoder.text_model.embeddings.token_embedding.weight"},
    {"encoder.text_projection", "text_encoder.text_projection.weight", Change::transpose},
    {"encoder.ln_final.*", "text_encoder.text_model.final_layer_norm.*"},
    {"resizer.*", "text_projection.*"},
};
constexpr Pair geometry[] = {
    {"label_embed.weight", "label_embed.weight"},
    {"cls_embed.weight", "cls_embed.weight"},
    {"boxes_direct_project.*", "boxes_direct_project.*"},
    {"boxes_pool_project.*", "boxes_pool_project.*"},
    {"boxes_pos_enc_project.*", "boxes_pos_enc_project.*"},
    {"final_proj.*", "final_proj.*"},
    {"norm.*", "prompt_layer_norm.*"},
    {"img_pre_norm.*", "vision_layer_norm.*"},
    {"encode_norm.*", "output_layer_norm.*"},
};
constexpr Pair decoder[] = {
    {"norm.*", "output_layer_norm.*"},
    {"query_embed.weight", "query_embed.weight"},
    {"reference_points.weight", "reference_points.weight"},
    {"bbox_embed.layers.#.*", "box_head.layer+.*"},
    {"boxRPB_embed_x.layers.#.*", "box_rpb_embed_x.layer+.*"},
    {"boxRPB_embed_y.layers.#.*", "box_rpb_embed_y.layer+.*"},
    {"ref_point_head.layers.#.*", "ref_point_head.layer+.*"},
    {"presence_token.weight", "presence_token.weight"},
    {"presence_token_head.layers.#.*", "presence_head.layer+.*"},
    {"presence_token_out_norm.*", "presence_layer_norm.*"},
};
constexpr Pair masks[] = {
    {"pixel_decoder.conv_layers.#.*", "pixel_decoder.conv_layers.#.*"},
    {"pixel_decoder.norms.#.*", "pixel_decoder.norms.#.*"},
    {"mask_predictor.mask_embed.layers.#.*", "mask_embedder.layers.#.*"},
    {"cross_attend_prompt.in_proj_*", "prompt_cross_attn.@_proj.*"},
    {"cross_attend_prompt.out_proj.*", "prompt_cross_attn.o_proj.*"},
    {"cross_attn_norm.*", "prompt_cross_attn_norm.*"},
    {"semantic_seg_head.*", "semantic_projection.*"},
    {"instance_seg_head.*", "instance_projection.*"},
};
constexpr Pair scoring[] = {
    {"prompt_mlp.layers.#.*", "text_mlp.layer+.*"},
    {"prompt_mlp.out_norm.*", "text_mlp_out_norm.*"},
    {"prompt_proj.*", "text_proj.*"},
    {"hs_proj.*", "query_proj.*"},
};

constexpr Group groups[] = {
    {"backbone.vision_backbone.trunk.", "vision_encoder.backbone.", trunk},
    {"backbone.vision_backbone.trunk.blocks.#.", "vision_encoder.backbone.layers.#.", vision_layer},
    {"backbone.vision_backbone.", "vision_encoder.neck.", neck},
    {"backbone.vision_backbone.sam2_", "tracker_neck.", neck},
    {"backbone.language_backbone.", "", text},
    {"backbone.language_backbone.encoder.transformer.resblocks.#.", "text_encoder.text_model.encoder.layers.#.", text_layer},
    {"geometry_encoder.", "geometry_encoder.", geometry},
    {"geometry_encoder.encode.#.", "geometry_encoder.layers.#.", fusion_layer},
    {"transformer.encoder.layers.#.", "detr_encoder.layers.#.", fusion_layer},
    {"transformer.decoder.", "detr_decoder.", decoder},
    {"transformer.decoder.layers.#.", "detr_decoder.layers.#.", decoder_layer},
    {"segmentation_head.", "mask_decoder.", masks},
    {"dot_prod_scoring.", "dot_product_scoring.", scoring},
};
constexpr std::string_view projections = "qkv";
constexpr std::array<std::string_view, 5> model_parts = {"backbone.", "transformer.", "geometry_encoder.", "segmentation_head.",
                                                         "dot_prod_scoring."};

// What the wildcards of a pattern stood for in a name.
struct Match {
  std::vector<int> numbers;
  std::string_view tail;
  std::size_t part = 0;
};

// The digits at the front of `name`; none if they are not how a number is written, so that every name comes back as it was.
std::optional<int> take_number(std::string_view& name) {
  std::size_t digits = 0;
  while (digits < name.size() && std::isdigit(static_cast<unsigned char>(name[digits])) != 0) ++digits;
  if (digits == 0 || digits > 4 || (digits > 1 && name[0] == '0')) return std::nullopt;
  int number = 0;
  for (const char digit : name.substr(0, digits)) number = 10 * number + (digit - '0');
  name.remove_prefix(digits);
  return number;
}

// Takes `pattern` off the front of `name`.
bool take(std::string_view pattern, std::string_view& name, Match& match) {
  for (const char expected : pattern) {
    if (expected == '#' || expected == '+') {
      const auto number = take_number(name);
      const int shift = expected == '+' ? 1 : 0;
      if (!number || *number < shift) return false;
      match.numbers.push_back(*number - shift);
    } else if (expected == '*') {
      if (name != "weight" && name != "bias") return false;
      match.tail = std::exchange(name, {});
    } else {
      if (name.empty()) return false;
      if (expected == '@') {
        match.part = projections.find(name[0]);
        if (match.part == std::string_view::npos) return false;
      } else if (name[0] != expected) {
        return false;
      }
      name.remove_prefix(1);
    }
  }
  return true;
}

class Builder {
 public:
  Builder(const Match& match, std::size_t part) : match_(match), part_(part) {}
  Builder& add(std::string_view pattern) {
    for (const char next : pattern) {
      if (next == '#' || next == '+') {
        text_ += std::to_string(match_.numbers.at(used_++) + (next == '+' ? 1 : 0));
      } else if (next == '*') {
        text_ += match_.tail;
      } else {
        text_ += next == '@' ? projections.at(part_) : next;
      }
    }
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  const Match& match_;
  std::size_t part_, used_ = 0;
  std::string text_;
};

}  // namespace

bool is_model_name(std::string_view own) {
  return std::any_of(model_parts.begin(), model_parts.end(), [&](auto part) { return own.starts_with(part); });
}

std::optional<TransformersName> transformers_name(std::string_view own) {
  for (const auto& group : groups) {
    for (const auto& pair : group.pairs) {
      Match match;
      auto rest = own;
      if (!take(group.own, rest, match) || !take(pair.own, rest, match) || !rest.empty()) continue;
      const bool packed = pair.theirs.find('@') != std::string_view::npos;
      TransformersName result{{}, packed ? Change::pack : pair.change};
      for (std::size_t part = 0; part < (packed ? projections.size() : 1); ++part) {
        result.names.push_back(Builder(match, part).add(group.theirs).add(pair.theirs).text());
      }
      return result;
    }
  }
  return std::nullopt;
}

std::optional<OwnName> own_name(std::string_view theirs) {
  for (const auto& group : groups) {
    for (const auto& pair : group.pairs) {
      Match match;
      auto rest = theirs;
      if (!take(group.theirs, rest, match) || !take(pair.theirs, rest, match) || !rest.empty()) continue;
      const bool packed = pair.theirs.find('@') != std::string_view::npos;
      return OwnName{Builder(match, match.part).add(group.own).add(pair.own).text(), packed ? Change::pack : pair.change,
                     match.part};
    }
  }
  return std::nullopt;
}

std::vector<std::string> names_in_transformers(std::string_view parameter) {
  const auto theirs = transformers_name(parameter);
  if (!theirs || (theirs->change != Change::none && theirs->change != Change::pack)) return {};
  return theirs->names;
}

}  // namespace sam3lab::sam3
