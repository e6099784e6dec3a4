// The query decoder (decoder.TransformerDecoder): object queries attend to the prompt and the image, and each layer moves their
// boxes. A presence token is processed with them. In training each query has a second one outside self-attention (DAC, for
// one-to-many matching).
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "plugins/backbones/sam3/model/layers.h"
#include "plugins/backbones/sam3/model/options.h"

namespace sam3lab::sam3 {

struct DecoderLayer : Module {
  DecoderLayer(Module& parent, std::string name, const Sizes& sizes, double dropout);

  struct Surroundings {
    at::Tensor position;      // [Q or 1, 1 + n, d] added to queries; zero for the presence token
    at::Tensor prompt;        // [Q, S, d]
    at::Tensor prompt_mask;   // [Q, 1, 1, S]
    at::Tensor keys;          // [Q, HW, d] image with position
    at::Tensor values;        // [Q, HW, d]
    at::Tensor bias;          // [Q or 1, heads, 1 + n, HW] added to scores of image tokens
    std::int64_t one_to_one;  // the presence token and this many queries attend to each other; other queries to nothing
  };
  // x [Q, 1 + n, d], the presence token first.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const Surroundings& around) const;

  double dropout;
  Attention cross_attn;
  LayerNorm norm1;
  Attention ca_text;
  LayerNorm catext_norm;
  Attention self_attn;
  LayerNorm norm2;
  Linear linear1, linear2;
  LayerNorm norm3;
  AdapterSlot mlp;  // linear1 and linear2
};

// Output of one layer. n = K queries, or 2 K in training with the one-to-one queries first.
struct Decoded {
  at::Tensor states;    // [Q, n, d], normalised
  at::Tensor boxes;     // [Q, n, 4] cxcywh in 0..1
  at::Tensor presence;  // [Q, 1] logit
};

struct Decoder : Module {
  Decoder(Module& parent, const Sizes& sizes, double dropout, bool recomputes);
  // memory [Q, HW, d], position [1, HW, d], prompt [Q, S, d], padding [Q, S]. Returns one entry per layer.
  [[nodiscard]] std::vector<Decoded> operator()(const at::Tensor& memory, const at::Tensor& position, const at::Tensor& prompt,
                                                const at::Tensor& padding) const;
  // boxes [N, n, 4] -> [N, heads, 1 + n, HW]: an MLP of the logarithmic distances of each cell from the edges of a box. The row
  // of the presence token is zero.
  [[nodiscard]] at::Tensor box_bias(const at::Tensor& boxes) const;

  std::int64_t width, queries, side;
  bool recomputes;
  ModuleList list;
  std::deque<DecoderLayer> layers;
  LayerNorm norm;
  Mlp bbox_embed;
  Embedding query_embed, reference_points;
  Mlp boxRPB_embed_x, boxRPB_embed_y;
  Embedding presence_token;
  Mlp presence_token_head;
  LayerNorm presence_token_out_norm;
  Mlp ref_point_head;
};

}  // namespace sam3lab::sam3
