// The layers that every part of the model is made of. They hold parameters under the names of their torch.nn namesakes and work
// batch first: [N, L, C] for sequences, [N, C, H, W] for maps.
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
  AdapterSlot socket;

 protected:
  struct Unported {};
  Linear(Module& parent, std::string name, std::int64_t in, std::int64_t out, Unported);  // offers no port
};

// The sockets of a weight [3 C, in] that holds the projections of queries, keys and values. Its ports are "q", "k" and "v".
struct PackedSockets {
  std::array<AdapterSlot, 3> each;
  // y [..., count C] = projections `first`, ... of x.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const at::Tensor& y, std::size_t first, std::size_t count,
                                      bool training) const;
  [[nodiscard]] static InjectionPoint port(std::size_t i, std::int64_t in, std::int64_t width, const std::string& weight);
};

// Queries, keys and values of one input through one weight.
struct PackedLinear : Linear {
  PackedLinear(Module& parent, std::string name, std::int64_t width);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  PackedSockets sockets;
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

// Doubles height and width: a transposed convolution with kernel 2 and stride 2. The result lies channels last.
struct Upconv : Module {
  Upconv(Module& parent, std::string name, std::int64_t in, std::int64_t out);
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x) const;
  // pointwise((*this)(x)), as one layer: `pointwise` is a 1x1 convolution with bias.
  [[nodiscard]] at::Tensor operator()(const at::Tensor& x, const Conv& pointwise) const;
  at::Tensor weight, bias;
};

// torch.nn.MultiheadAttention: the three projections packed in one weight.
struct Attention : Module {
  // How scores become a mean of values. Both are one function; rounding differs. `written_out` is what the package does where
  // it asks for the weights too, and needs memory for them.
  enum class Kernel { fused, written_out };
  struct KeysValues {
    at::Tensor keys, values;  // [N, Lk, C], projected
  };

  Attention(Module& parent, std::string name, std::int64_t width, std::int64_t heads, double dropout,
            Kernel kernel = Kernel::fused);
  // `mask`: undefined, bool (true = attend) or added to the scores; broadcasts to [N, heads, Lq, Lk].
  [[nodiscard]] at::Tensor operator()(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                      const at::Tensor& mask = {}) const;
  // The same in two steps, for keys that several samples share.
  [[nodiscard]] KeysValues project(const at::Tensor& key, const at::Tensor& value) const;
  [[nodiscard]] at::Tensor attend(const at::Tensor& query, const KeysValues& over, const at::Tensor& mask = {}) const;
  std::int64_t heads;
  double dropout;  // of attention weights, in training
  Kernel kernel;
  at::Tensor in_proj_weight, in_proj_bias;
  Linear out_proj;
  PackedSockets sockets;
  AdapterSlot keys_values, whole;  // `whole` sees what queries are made of

 private:
  [[nodiscard]] at::Tensor in_projection(const at::Tensor& x, std::int64_t first, std::int64_t count) const;
  [[nodiscard]] at::Tensor mix(const at::Tensor& q, const KeysValues& over, const at::Tensor& mask) const;
};

// Linear layers with ReLU between them (model_misc.MLP).
struct Mlp : Module {
  Mlp(Module& parent, std::string name, std::int64_t in, std::int64_t hidden, std::int64_t out, int depth,
      double dropout = 0.0);
  [[nodiscard]] at::Tensor operator()(at::Tensor x) const;
  double dropout;  // behind each ReLU, in training
  ModuleList list;
  std::deque<Linear> layers;
};

// [N, S] padding (true = padded) as a mask of keys for Attention.
[[nodiscard]] at::Tensor keys_to_attend(const at::Tensor& padding);
[[nodiscard]] at::Tensor drop(const at::Tensor& x, double rate, bool training);
// x + branch(x), where training drops the branch of a random part of the samples and scales the others (stochastic depth, arXiv
// 1603.09382). Samples are never mixed by `branch`. Given its `weights`, what is dropped is not computed on the CPU; they get
// gradients of zero for it.
[[nodiscard]] at::Tensor add_path(const at::Tensor& x, double rate, bool training, const std::vector<at::Tensor>& weights,
                                  const std::function<at::Tensor(const at::Tensor&)>& branch);

}  // namespace sam3lab::sam3
