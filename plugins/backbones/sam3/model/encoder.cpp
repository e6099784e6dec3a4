#include "plugins/backbones/sam3/model/encoder.h"

#include <utility>

#include <ATen/ATen.h>

#include "plugins/backbones/sam3/kernels/recompute.h"

namespace sam3lab::sam3 {

EncoderLayer::EncoderLayer(Module& parent, std::string name, const LayerShape& shape)
    : Module(parent, std::move(name)),
      dropout(shape.dropout),
      self_attn(*this, "self_attn", shape.width, shape.heads, shape.dropout),
      cross_attn_image(*this, "cross_attn_image", shape.width, shape.heads, shape.dropout),
      linear1(*this, "linear1", shape.width, shape.hidden),
      linear2(*this, "linear2", shape.hidden, shape.width),
      norm1(*this, "norm1", shape.width),
      norm2(*this, "norm2", shape.width),
      norm3(*this, "norm3", shape.width) {
  offer({.name = "mlp", .kind = InjectionPoint::Kind::block, .in = shape.width, .out = shape.width, .weight = ""}, mlp);
}

at::Tensor EncoderLayer::mix(const at::Tensor& x, const at::Tensor& position, const at::Tensor& mask) const {
  const at::Tensor normed = norm1(x);
  const at::Tensor placed = position.defined() ? normed + position : normed;
  return x + drop(self_attn(placed, placed, normed, mask), dropout, training());
}

at::Tensor EncoderLayer::read(const at::Tensor& x, const Attention::KeysValues& other, const at::Tensor& mask) const {
  const at::Tensor informed = x + drop(cross_attn_image.attend(norm2(x), other, mask), dropout, training());
  const at::Tensor normed = norm3(informed), hidden = drop(at::relu(linear1(normed)), dropout, training());
  return informed + drop(mlp(normed, linear2(hidden), training()), dropout, training());
}

FusionEncoder::FusionEncoder(Module& parent, const Sizes& sizes, double rate, bool again)
    : Module(parent, "encoder"), dropout(rate), recomputes(again), list(*this, "layers") {
  for (std::int64_t i = 0; i < sizes.encoder_layers; ++i) {
    layers.emplace_back(list, std::to_string(i), LayerShape{sizes.d_model, sizes.num_heads_detr, sizes.dim_feedforward, rate});
  }
}

at::Tensor FusionEncoder::operator()(const at::Tensor& image, const at::Tensor& position, const at::Tensor& prompt,
                                     const at::Tensor& padding, const at::Tensor& image_index) const {
  const at::Tensor mask = keys_to_attend(padding);
  const auto run = [this](bool gradients, Step step, const std::vector<at::Tensor>& inputs) {
    return recomputes && in_training_pass() && gradients ? recompute(std::move(step), inputs) : step(inputs);
  };
  // Before the first layer attends to the prompt, all queries of an image are equal, so this is computed once per image. With
  // dropout each query must draw its own random numbers.
  const bool once = !(layers.front().training() && dropout > 0.0) && image.size(0) <= image_index.size(0);
  at::Tensor x = once ? image : image.index_select(0, image_index);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const EncoderLayer& layer = layers[i];
    const bool gradients = x.requires_grad() || prompt.requires_grad() || layer.trains();
    if (i == 0 && once) {
      x = run(gradients, [&layer, position](const std::vector<at::Tensor>& in) { return layer.mix(in[0], position, {}); }, {x});
      x = x.index_select(0, image_index);
      x = run(gradients,
              [&layer, mask](const std::vector<at::Tensor>& in) {
                return layer.read(in[0], layer.cross_attn_image.project(in[1], in[1]), mask);
              },
              {x, prompt});
    } else {
      x = run(gradients,
              [&layer, position, mask](const std::vector<at::Tensor>& in) {
                return layer.read(layer.mix(in[0], position, {}), layer.cross_attn_image.project(in[1], in[1]), mask);
              },
              {x, prompt});
    }
  }
  return x;
}

}  // namespace sam3lab::sam3
