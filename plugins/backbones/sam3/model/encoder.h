// An encoder layer with cross-attention to a second sequence (encoder.TransformerEncoderLayer, pre-norm), and the fusion
// encoder, whose layers let image tokens attend to the prompt.
#pragma once
#include <deque>
#include <string>

#include "plugins/backbones/sam3/model/layers.h"
#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {

struct LayerShape {
  std::int64_t width, heads, hidden;
  double dropout;
};

struct EncoderLayer : Module {
  EncoderLayer(Module& parent, std::string name, const LayerShape& shape);
  // x + self-attention(x). `position` (undefined: none) is added to queries and keys; `mask` as in Attention.
  [[nodiscard]] at::Tensor mix(const at::Tensor& x, const at::Tensor& position, const at::Tensor& mask) const;
  // The rest of the layer: attention to the result of cross_attn_image.project(), then the MLP.
  [[nodiscard]] at::Tensor read(const at::Tensor& x, const Attention::KeysValues& other, const at::Tensor& mask) const;
  double dropout;
  Attention self_attn, cross_attn_image;
  Linear linear1, linear2;
  LayerNorm norm1, norm2, norm3;
  AdapterSlot mlp;  // around linear1 and linear2
};

// B images, Q queries.
struct FusionEncoder : Module {
  FusionEncoder(Module& parent, const Sizes& sizes, double dropout, bool recomputes);
  // image [B, HW, d], position [1, HW, d], prompt [Q, S, d], padding [Q, S] (true = padded), image_index [Q] -> [Q, HW, d].
  [[nodiscard]] at::Tensor operator()(const at::Tensor& image, const at::Tensor& position, const at::Tensor& prompt,
                                      const at::Tensor& padding, const at::Tensor& image_index) const;
  double dropout;
  bool recomputes;
  ModuleList list;
  std::deque<EncoderLayer> layers;
};

}  // namespace sam3lab::sam3
