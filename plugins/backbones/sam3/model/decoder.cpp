#include "plugins/backbones/sam3/model/decoder.h"

#include <utility>

#include <ATen/ATen.h>

#include "core/base/boxes.h"
#include "plugins/backbones/sam3/model/position.h"
#include "plugins/backbones/sam3/kernels/recompute.h"

namespace sam3lab::sam3 {

DecoderLayer::DecoderLayer(Module& parent, std::string name, const Sizes& sizes, double rate)
    : Module(parent, std::move(name)),
      dropout(rate),
      cross_attn(*this, "cross_attn", sizes.d_model, sizes.num_heads_detr, rate),
      norm1(*this, "norm1", sizes.d_model),
      ca_text(*this, "ca_text", sizes.d_model, sizes.num_heads_detr, rate, Attention::Kernel::written_out),
      catext_norm(*this, "catext_norm", sizes.d_model),
      self_attn(*this, "self_attn", sizes.d_model, sizes.num_heads_detr, rate, Attention::Kernel::written_out),
      norm2(*this, "norm2", sizes.d_model),
      linear1(*this, "linear1", sizes.d_model, sizes.dim_feedforward),
      linear2(*this, "linear2", sizes.dim_feedforward, sizes.d_model),
      norm3(*this, "norm3", sizes.d_model) {
  offer({.name = "mlp", .kind = InjectionPoint::Kind::block, .in = sizes.d_model, .out = sizes.d_model, .weight = ""}, mlp);
}

at::Tensor DecoderLayer::operator()(const at::Tensor& input, const Surroundings& around) const {
  const auto residual = [this](const at::Tensor& x, const at::Tensor& branch) { return x + drop(branch, dropout, training()); };
  const std::int64_t together = 1 + around.one_to_one, rest = input.size(1) - together;

  const at::Tensor own = input.narrow(1, 0, together);
  const at::Tensor placed = own + around.position.narrow(1, 0, together);
  at::Tensor x = residual(own, self_attn(placed, placed, own));
  if (rest > 0) x = at::cat({x, input.narrow(1, together, rest)}, 1);
  x = norm2(x);

  x = catext_norm(residual(x, ca_text(x + around.position, around.prompt, around.prompt, around.prompt_mask)));
  x = norm1(residual(x, cross_attn(x + around.position, around.keys, around.values, around.bias)));
  return norm3(residual(x, mlp(x, linear2(drop(at::relu(linear1(x)), dropout, training())), training())));
}

Decoder::Decoder(Module& parent, const Sizes& sizes, double dropout, bool again)
    : Module(parent, "decoder"),
      width(sizes.d_model),
      queries(sizes.num_queries),
      side(sizes.grid()),
      recomputes(again),
      list(*this, "layers"),
      norm(*this, "norm", width),
      bbox_embed(*this, "bbox_embed", width, width, 4, 3),
      query_embed(*this, "query_embed", queries, width),
      reference_points(*this, "reference_points", queries, 4),
      boxRPB_embed_x(*this, "boxRPB_embed_x", 2, width, sizes.num_heads_detr, 2),
      boxRPB_embed_y(*this, "boxRPB_embed_y", 2, width, sizes.num_heads_detr, 2),
      presence_token(*this, "presence_token", 1, width),
      presence_token_head(*this, "presence_token_head", width, width, 1, 3),
      presence_token_out_norm(*this, "presence_token_out_norm", width),
      ref_point_head(*this, "ref_point_head", 2 * width, width, width, 2) {
  for (std::int64_t i = 0; i < sizes.decoder_layers; ++i) layers.emplace_back(list, std::to_string(i), sizes, dropout);
}

namespace {

// Signed log2(|8 d| + 1) / log2(8) of the distances from the cells of one axis to two edges: [N, n, 2] -> [N, n, side, 2].
at::Tensor log_distances(const at::Tensor& edges, std::int64_t side) {
  const at::Tensor cells = at::arange(side, edges.options().requires_grad(false)) / static_cast<double>(side);
  const at::Tensor distance = (cells.view({1, 1, side, 1}) - edges.unsqueeze(2)) * 8;
  return distance.sign() * at::log2(distance.abs() + 1.0) / 3.0;
}

}  // namespace

at::Tensor Decoder::box_bias(const at::Tensor& boxes) const {
  const at::Tensor edges = boxes::to_corners(boxes);  // x0, y0, x1, y1
  // [N, n, side, heads] -> [N, heads, 1 + n, side]. The small factors are padded and not their large sum.
  const auto along = [&](const Mlp& mlp, std::int64_t first) {
    const at::Tensor weighed = mlp(log_distances(edges.slice(-1, first, first + 3, 2), side));
    return at::constant_pad_nd(weighed.permute({0, 3, 1, 2}), {0, 0, 1, 0});
  };
  return (along(boxRPB_embed_y, 1).unsqueeze(-1) + along(boxRPB_embed_x, 0).unsqueeze(-2)).flatten(-2);
}

std::vector<Decoded> Decoder::operator()(const at::Tensor& memory, const at::Tensor& position, const at::Tensor& prompt,
                                         const at::Tensor& padding) const {
  const std::int64_t batch = memory.size(0), replicas = in_training_pass() ? 2 : 1, n = replicas * queries;
  at::Tensor x =
      at::cat({presence_token.weight, query_embed.weight.repeat({replicas, 1})}).unsqueeze(0).expand({batch, 1 + n, width});
  // The boxes of the first layer are learnt and the same for all samples, so what depends on them is computed once.
  at::Tensor start = reference_points.weight.sigmoid().repeat({replicas, 1}).unsqueeze(0);  // where this layer's boxes start
  at::Tensor seen = start;                                                                  // the same, as the layer sees it
  const at::Tensor keys = memory + position, prompt_mask = keys_to_attend(padding);

  std::vector<Decoded> decoded;
  for (const DecoderLayer& layer : layers) {
    const at::Tensor place = at::constant_pad_nd(ref_point_head(sine_of_boxes(seen, width)), {0, 0, 1, 0});
    const bool bias_learns = in_training_pass() && (boxRPB_embed_x.trains() || boxRPB_embed_y.trains() ||
                                                    (decoded.empty() && reference_points.trains()));
    const Step step = [&layer, this, prompt_mask, bias_learns](const std::vector<at::Tensor>& in) {
      at::Tensor bias = box_bias(in[5]);
      if (bias_learns) bias.requires_grad_(true);  // in a pass without gradients, too, for Attention chooses its kernel by it
      return layer(in[0], {.position = in[1],
                           .prompt = in[2],
                           .prompt_mask = prompt_mask,
                           .keys = in[3],
                           .values = in[4],
                           .bias = bias,
                           .one_to_one = queries});
    };
    const std::vector<at::Tensor> inputs{x, place, prompt, keys, memory, seen};
    x = recomputes && in_training_pass() && (x.requires_grad() || memory.requires_grad() || layer.trains())
            ? recompute(step, inputs)
            : step(inputs);
    const at::Tensor states = norm(x.narrow(1, 1, n)), moved = bbox_embed(states);
    const at::Tensor presence = presence_token_head(presence_token_out_norm(x.select(1, 0)));
    // The boxes of a layer pass on the gradient of its own step and of the step before. The boxes that a layer sees have no
    // gradient, except the learnt ones of the first layer.
    decoded.push_back({states, (inverse_sigmoid(start) + moved).sigmoid(), presence});
    start = start.is_same(seen) ? decoded.back().boxes : (inverse_sigmoid(seen) + moved).sigmoid();
    seen = start.detach();
  }
  return decoded;
}

}  // namespace sam3lab::sam3
