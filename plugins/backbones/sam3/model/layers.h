// The layers that all modules use. Their parameters have the names of torch.nn. Inputs are batch first: [N, L, C] for
// sequences, [N, C, H, W] for maps.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plugins/backbones/sam3/model/module.h"

namespace sam3lab::sam3 {

struct Linear : Module {
  Linear(Module& parent, std::string name, std::int64_t in, std::int64_t out);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  at::Tensor weight, bias;
  AdapterSlot slot;

 protected:
  struct NoInjectionPoint {};
  Linear(Module& parent, std::string name, std::int64_t in, std::int64_t out, NoInjectionPoint);  // offers no injection point
};

// The adapter slots of a weight [3 C, in] with the projections of queries, keys and values. Their injection points are "q", "k"
// and "v".
struct PackedAdapterSlots {
  std::array<AdapterSlot, 3> each;
  // y [..., count C]: projections `first`, ... of x.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& y, std::size_t first, std::size_t count,
                                      bool training) const;
  [[nodiscard]] static InjectionPoint point(std::size_t i, std::int64_t in, std::int64_t width, const std::string& weight);
};

// Projects one input to queries, keys and values with one weight.
struct PackedLinear : Linear {
  PackedLinear(Module& parent, std::string name, std::int64_t width);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  PackedAdapterSlots slots;
};

struct LayerNorm : Module {
  LayerNorm(Module& parent, std::string name, std::int64_t width);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;  // eps 1e-5
  at::Tensor weight, bias;
};

struct GroupNorm : Module {
  GroupNorm(Module& parent, std::string name, std::int64_t groups, std::int64_t channels);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  std::int64_t groups;
  at::Tensor weight, bias;
};

struct Embedding : Module {
  Embedding(Module& parent, std::string name, std::int64_t rows, std::int64_t width);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& ids) const;
  at::Tensor weight;
};

struct ConvShape {
  std::int64_t in, out, kernel;
  std::int64_t stride = 1, padding = 0;
  bool bias = true;
};

struct Conv : Module {
  Conv(Module& parent, std::string name, ConvShape shape);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  std::int64_t stride, padding;
  at::Tensor weight, bias;
};

// Doubles height and width by a transposed convolution with kernel 2 and stride 2. The result is stored channels last.
struct Upconv : Module {
  Upconv(Module& parent, std::string name, std::int64_t in, std::int64_t out);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  // Computes pointwise((*this)(x)) as one layer. `pointwise` is a 1x1 convolution with bias.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const Conv& pointwise) const;
  at::Tensor weight, bias;
};

// torch.nn.MultiheadAttention: its three projections are packed in one weight.
struct Attention : Module {
  // How the attention is computed. Both kernels are the same function with different rounding. `written_out` is what the
  // package does where it also returns the weights; it stores them.
  enum class Kernel { fused, written_out };
  struct KeysValues {
    at::Tensor keys, values;  // [N, Lk, C], projected
  };

  Attention(Module& parent, std::string name, std::int64_t width, std::int64_t heads, double dropout,
            Kernel kernel = Kernel::fused);
  // `mask`: undefined, bool (true = attend) or added to the scores; broadcasts to [N, heads, Lq, Lk].
  [[nodiscard]] at::Tensor operator()(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                      const at::Tensor& mask = {}) const;
  // The same in two steps, for keys and values that several samples share.
  [[nodiscard]] KeysValues project(const at::Tensor& key, const at::Tensor& value) const;
  [[nodiscard]] at::Tensor attend(const at::Tensor& query, const KeysValues& over, const at::Tensor& mask = {}) const;
  std::int64_t heads;
  double dropout;  // of attention weights, in training
  Kernel kernel;
  at::Tensor in_proj_weight, in_proj_bias;
  Linear out_proj;
  PackedAdapterSlots slots;
  AdapterSlot keys_values, whole;  // the input of `whole` is that of the query projection

 private:
  [[nodiscard]] at::Tensor in_projection(const at::Tensor& x, std::int64_t first, std::int64_t count) const;
  [[nodiscard]] at::Tensor mix(const at::Tensor& q, const KeysValues& over, const at::Tensor& mask) const;
};

// Linear layers with ReLU between them (model_misc.MLP).
struct Mlp : Module {
  Mlp(Module& parent, std::string name, std::int64_t in, std::int64_t hidden, std::int64_t out, int depth,
      double dropout = 0.0);
  [[nodiscard]] at::Tensor operator()(at::Tensor x) const;
  double dropout;  // after each ReLU, in training
  ModuleList list;
  std::deque<Linear> layers;
};

// Converts padding [N, S] (true = padded) to a mask for Attention.
[[nodiscard]] at::Tensor keys_to_attend(const at::Tensor& padding);
[[nodiscard]] at::Tensor drop(const at::Tensor& x, double rate, bool training);
// Computes x + branch(x). In training, the branch of random samples is dropped and that of the others is scaled (stochastic
// depth, arXiv 1603.09382). `branch` must not mix samples. If its `weights` are given, a dropped branch is not computed on the
// CPU, and the weights get gradients of zero for it.
[[nodiscard]] at::Tensor add_path(const at::Tensor& x, double rate, bool training, const std::vector<at::Tensor>& weights,
                                  const std::function<at::Tensor(const at::Tensor&)>& branch);

}  // namespace sam3lab::sam3
