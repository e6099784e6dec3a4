// The text encoder (text_encoder_ve.py): a causal transformer over token ids, and a projection to the model's width.
#pragma once
#include <deque>
#include <string>

#include "plugins/backbones/sam3/model/layers.h"
#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {

struct TextMlp : Module {
  TextMlp(Module& parent, std::int64_t width);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  Linear c_fc, c_proj;
  AdapterSlot slot;
};

struct TextBlock : Module {
  TextBlock(Module& parent, std::string name, std::int64_t width, std::int64_t heads);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& mask) const;
  Attention attn;
  LayerNorm ln_1, ln_2;
  TextMlp mlp;
};

struct TextTransformer : Module {
  TextTransformer(Module& parent, const Sizes& sizes, bool recomputes);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& tokens) const;  // [T, L] -> [T, L, text_width]
  at::Tensor positional_embedding;
  at::Tensor text_projection;  // for pooled text, which this model does not use; published checkpoints contain it
  Embedding token_embedding;
  Module transformer;
  ModuleList list;
  std::deque<TextBlock> blocks;
  LayerNorm ln_final;
  bool recomputes;
};

struct LanguageBackbone : Module {
  LanguageBackbone(Module& parent, const Sizes& sizes, bool recomputes);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& tokens) const;  // [T, L] int64 -> [T, L, d_model]
  TextTransformer encoder;
  Linear resizer;
};

}  // namespace sam3lab::sam3
