// Products of float32 matrices on a CPU by the kernels that are fastest there. LibTorch takes MKL's, which on AMD's processors
// leave half of a 512-bit unit idle; oneDNN, which LibTorch carries too, does not.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// As at::linear, with its gradients: x [..., in], `weight` [out, in], `bias` [out] or undefined -> [..., out].
[[nodiscard]] at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// As at::mm, for what needs no gradient: a [m, k], b [k, n] -> [m, n].
[[nodiscard]] at::Tensor product(const at::Tensor& a, const at::Tensor& b);

// Whether large products of both go to oneDNN. At first so where the processor is one on which that is faster: a rule, not a
// measurement, for equal runs must round equally. To be set before anything is computed, by tests and measurements.
[[nodiscard]] bool& large_products_by_onednn();

// Rows of numbers in memory, `stride` apart.
struct Rows {
  float* data;
  std::int64_t stride;
  [[nodiscard]] Rows from(std::int64_t row, std::int64_t column = 0) const { return {data + row * stride + column, stride}; }
};

// On the thread that calls it: out [m, n] = a [m, k] b [k, n], or out += a b with `add`. For blocks that stay in a core's
// caches; `b` is read as it lies, so its rows are best long.
void tile_product(Rows a, Rows b, Rows out, std::int64_t m, std::int64_t n, std::int64_t k, bool add);

}  // namespace sam3lab::sam3
