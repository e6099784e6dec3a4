#include "plugins/backbones/sam3/model/layers.h"

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/types.h>

#include "plugins/backbones/sam3/kernels/counted_dropout.h"
#include "plugins/backbones/sam3/kernels/dropout_attention.h"
#include "plugins/backbones/sam3/kernels/products.h"
#include "plugins/backbones/sam3/kernels/tiled_attention.h"
#include "plugins/backbones/sam3/kernels/winograd.h"

namespace sam3lab::sam3 {

Linear::Linear(Module& parent, std::string name, std::int64_t in, std::int64_t out, NoInjectionPoint)
    : Module(parent, std::move(name)), weight(parameter("weight", {out, in})), bias(parameter("bias", {out})) {}

Linear::Linear(Module& parent, std::string name, std::int64_t in, std::int64_t out)
    : Linear(parent, std::move(name), in, out, NoInjectionPoint{}) {
  offer({.name = "", .kind = InjectionPoint::Kind::linear, .in = in, .out = out, .weight = "weight"}, slot);
}

at::Tensor Linear::operator()(const at::Tensor& x) const { return slot(x, linear(x, weight, bias), training()); }

at::Tensor PackedAdapterSlots::operator()(const at::Tensor& x, const at::Tensor& y, std::size_t first, std::size_t count,
                                          bool training) const {
  bool empty = true;
  for (std::size_t i = first; i < first + count; ++i) empty = empty && each[i].empty();
  if (empty) return y;
  std::vector<at::Tensor> parts = y.chunk(static_cast<std::int64_t>(count), -1);
  for (std::size_t i = 0; i < count; ++i) parts[i] = each[first + i](x, parts[i], training);
  return at::cat(parts, -1);
}

InjectionPoint PackedAdapterSlots::point(std::size_t i, std::int64_t in, std::int64_t width, const std::string& weight) {
  return {.name = std::string(1, "qkv"[i]),
          .kind = InjectionPoint::Kind::linear,
          .in = in,
          .out = width,
          .weight = weight,
          .first_row = static_cast<std::int64_t>(i) * width};
}

PackedLinear::PackedLinear(Module& parent, std::string name, std::int64_t width)
    : Linear(parent, std::move(name), width, 3 * width, NoInjectionPoint{}) {
  for (std::size_t i = 0; i < 3; ++i) offer(PackedAdapterSlots::point(i, width, width, "weight"), slots.each[i]);
}

at::Tensor PackedLinear::operator()(const at::Tensor& x) const { return slots(x, linear(x, weight, bias), 0, 3, training()); }

LayerNorm::LayerNorm(Module& parent, std::string name, std::int64_t width)
    : Module(parent, std::move(name)), weight(parameter("weight", {width})), bias(parameter("bias", {width})) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const { return at::layer_norm(x, weight.sizes(), weight, bias, 1e-5); }

GroupNorm::GroupNorm(Module& parent, std::string name, std::int64_t n, std::int64_t channels)
    : Module(parent, std::move(name)),
      groups(n),
      weight(parameter("weight", {channels})),
      bias(parameter("bias", {channels})) {}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const { return at::group_norm(x, groups, weight, bias, 1e-5); }

Embedding::Embedding(Module& parent, std::string name, std::int64_t rows, std::int64_t width)
    : Module(parent, std::move(name)), weight(parameter("weight", {rows, width})) {}

at::Tensor Embedding::operator()(const at::Tensor& ids) const { return at::embedding(weight, ids); }

Conv::Conv(Module& parent, std::string name, ConvShape shape)
    : Module(parent, std::move(name)),
      stride(shape.stride),
      padding(shape.padding),
      weight(parameter("weight", {shape.out, shape.in, shape.kernel, shape.kernel})) {
  if (shape.bias) bias = parameter("bias", {shape.out});
}

at::Tensor Conv::operator()(const at::Tensor& x) const {
  if (stride == 1 && padding == 1 && bias.defined() && suits_winograd(x, weight)) return winograd(x, weight, bias);
  return at::conv2d(x, weight, bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt, {stride, stride},
                    {padding, padding});
}

Upconv::Upconv(Module& parent, std::string name, std::int64_t in, std::int64_t out)
    : Module(parent, std::move(name)), weight(parameter("weight", {in, out, 2, 2})), bias(parameter("bias", {out})) {}

namespace {

// Patches of 2 x 2 pixels do not overlap, so one matrix product computes them: `weight` [4, out, in], `bias` [out]. The
// backward pass of LibTorch's transposed convolution takes 2.5 times as long.
at::Tensor doubled(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const std::int64_t batch = x.size(0), height = x.size(2), width = x.size(3), out = weight.size(1);
  return linear(x.permute({0, 2, 3, 1}), weight.flatten(0, 1), bias.repeat({4}))
      .view({batch, height, width, 2, 2, out})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({batch, 2 * height, 2 * width, out})
      .permute({0, 3, 1, 2});
}

}  // namespace

at::Tensor Upconv::operator()(const at::Tensor& x) const {
  return doubled(x, weight.permute({2, 3, 1, 0}).flatten(0, 1), bias);
}

// The product of the two weights costs little and saves a map of twice the height and width of the input. It is computed in
// float64, so that the weights are rounded only once.
at::Tensor Upconv::operator()(const at::Tensor& x, const Conv& pointwise) const {
  const at::Tensor behind = pointwise.weight.flatten(1).to(at::kDouble), own = weight.permute({2, 3, 1, 0}).flatten(0, 1);
  const at::Tensor both = at::matmul(behind, own.to(at::kDouble)),
                   offset = at::mv(behind, bias.to(at::kDouble)) + pointwise.bias;
  return doubled(x, both.to(weight.scalar_type()), offset.to(weight.scalar_type()));
}

Attention::Attention(Module& parent, std::string name, std::int64_t width, std::int64_t n, double rate, Kernel how)
    : Module(parent, std::move(name)),
      heads(n),
      dropout(rate),
      kernel(how),
      in_proj_weight(parameter("in_proj_weight", {3 * width, width})),
      in_proj_bias(parameter("in_proj_bias", {3 * width})),
      out_proj(*this, "out_proj", width, width) {
  for (std::size_t i = 0; i < 3; ++i) offer(PackedAdapterSlots::point(i, width, width, "in_proj_weight"), slots.each[i]);
  offer({.name = "keys_values", .kind = InjectionPoint::Kind::attention, .in = n, .out = width / n, .weight = ""}, keys_values);
  offer({.name = "", .kind = InjectionPoint::Kind::block, .in = width, .out = width, .weight = ""}, whole);
}

namespace {

at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

}  // namespace

// Computes `count` projections from number `first` on as one matrix product: queries are 0, keys 1, values 2.
at::Tensor Attention::in_projection(const at::Tensor& x, std::int64_t first, std::int64_t count) const {
  const std::int64_t width = out_proj.weight.size(0);
  const at::Tensor y =
      linear(x, in_proj_weight.narrow(0, first * width, count * width), in_proj_bias.narrow(0, first * width, count * width));
  return slots(x, y, static_cast<std::size_t>(first), static_cast<std::size_t>(count), training());
}

Attention::KeysValues Attention::project(const at::Tensor& key, const at::Tensor& value) const {
  if (!key.is_same(value)) return {in_projection(key, 1, 1), in_projection(value, 2, 1)};
  const std::vector<at::Tensor> both = in_projection(key, 1, 2).chunk(2, -1);
  return {both[0], both[1]};
}

at::Tensor Attention::attend(const at::Tensor& query, const KeysValues& over, const at::Tensor& mask) const {
  return whole(query, mix(in_projection(query, 0, 1), over, mask), training());
}

at::Tensor Attention::operator()(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                 const at::Tensor& mask) const {
  if (!query.is_same(key)) return attend(query, project(key, value), mask);
  if (query.is_same(value)) {
    const std::vector<at::Tensor> all = in_projection(query, 0, 3).chunk(3, -1);
    return whole(query, mix(all[0], {all[1], all[2]}, mask), training());
  }
  const std::vector<at::Tensor> both = in_projection(query, 0, 2).chunk(2, -1);
  return whole(query, mix(both[0], {both[1], in_projection(value, 2, 1)}, mask), training());
}

at::Tensor Attention::mix(const at::Tensor& query, const KeysValues& over, const at::Tensor& given_mask) const {
  const at::Tensor q = split_heads(query, heads);
  at::Tensor k = split_heads(over.keys, heads), v = split_heads(over.values, heads), mask = given_mask;
  const bool mask_learns = mask.defined() && mask.requires_grad();
  keys_values.lengthen(k, v, mask, training());
  // LibTorch takes another kernel where the mask asks for a gradient. A pass without gradients must take the same one: what
  // recomputation and micro-batches compute first would otherwise differ from what they compute for the backward pass.
  if (mask_learns && !at::GradMode::is_enabled()) mask = mask.detach().to(q.scalar_type()).requires_grad_(true);
  const double rate = training() ? dropout : 0.0;
  at::Tensor mixed;
  if (kernel == Kernel::fused && q.is_cpu() && (rate > 0.0 || pays_in_tiles(q, k))) {
    const auto exact = [](const at::Tensor& x) { return x.to(at::kFloat); };
    mixed = dropout_attention(exact(q), exact(k), exact(v), mask, rate, rate > 0.0 ? draw_seed() : 0).to(q.scalar_type());
  } else if (kernel == Kernel::fused) {
    mixed = at::scaled_dot_product_attention(q, k, v, mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt, rate);
  } else {
    at::Tensor scores = at::matmul(q * std::sqrt(1.0 / static_cast<double>(q.size(-1))), k.transpose(-2, -1));
    if (mask.defined()) {
      scores = mask.scalar_type() == at::kBool
                   ? scores.masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity())
                   : scores + mask;
    }
    mixed = at::matmul(drop(scores.softmax(-1), rate, training()), v);
  }
  return out_proj(mixed.transpose(1, 2).flatten(2));
}

Mlp::Mlp(Module& parent, std::string name, std::int64_t in, std::int64_t hidden, std::int64_t out, int depth, double rate)
    : Module(parent, std::move(name)), dropout(rate), list(*this, "layers") {
  for (int i = 0; i < depth; ++i) {
    layers.emplace_back(list, std::to_string(i), i == 0 ? in : hidden, i + 1 == depth ? out : hidden);
  }
}

at::Tensor Mlp::operator()(at::Tensor x) const {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    x = layers[i](x);
    if (i + 1 < layers.size()) x = drop(at::relu(x), dropout, training());
  }
  return x;
}

at::Tensor keys_to_attend(const at::Tensor& padding) { return padding.logical_not().unsqueeze(1).unsqueeze(1); }

at::Tensor drop(const at::Tensor& x, double rate, bool training) {
  if (!training || rate <= 0.0) return x;
  return x.is_cpu() && x.scalar_type() == at::kFloat ? counted_dropout(x, rate, draw_seed()) : at::dropout(x, rate, true);
}

namespace {

// Returns x. In the backward pass `weights`, which were not used, get gradients of zero: AdamW then lets their moments decay,
// as if the branch had been computed and multiplied with zero.
class LeftOut final : public torch::autograd::Node {
 public:
  explicit LeftOut(std::vector<at::Tensor> weights) : weights_(std::move(weights)) {}
  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    torch::autograd::variable_list result{gradients[0]};
    for (const at::Tensor& weight : weights_) result.push_back(weight.requires_grad() ? at::zeros_like(weight) : at::Tensor());
    return result;
  }
  void release_variables() override { weights_.clear(); }

 private:
  std::vector<at::Tensor> weights_;
};

at::Tensor left_out(const at::Tensor& x, const std::vector<at::Tensor>& weights) {
  if (!at::GradMode::is_enabled()) return x;
  const auto node = std::shared_ptr<LeftOut>(new LeftOut(weights), torch::autograd::deleteNode);
  std::vector<at::Tensor> all{x};
  all.insert(all.end(), weights.begin(), weights.end());
  node->set_next_edges(torch::autograd::collect_next_edges(all));
  const at::Tensor same = x.detach();
  torch::autograd::set_history(same, node);
  return same;
}

}  // namespace

at::Tensor add_path(const at::Tensor& x, double rate, bool training, const std::vector<at::Tensor>& weights,
                    const std::function<at::Tensor(const at::Tensor&)>& branch) {
  if (!training || rate <= 0.0) return x + branch(x);
  std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  at::Tensor kept = at::empty(shape, x.options().requires_grad(false)).bernoulli_(1.0 - rate);
  const at::Tensor rows = x.is_cpu() && !weights.empty() ? kept.flatten().nonzero().flatten() : at::Tensor();
  // With a rate of 1 no sample is kept, so there is nothing to scale.
  if (rate < 1.0) kept.div_(1.0 - rate);
  if (!rows.defined() || rows.size(0) == x.size(0)) return x + branch(x) * kept;
  if (rows.size(0) == 0) return left_out(x, weights);
  return x.index_add(0, rows, branch(x.index_select(0, rows)) * kept.index_select(0, rows));
}

}  // namespace sam3lab::sam3
