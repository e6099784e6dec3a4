// Products of float32 matrices on the CPU by the fastest kernels. LibTorch uses those of MKL, which leave half of a 512-bit
// unit idle on CPUs of AMD. oneDNN, which LibTorch contains as well, uses all of it.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// at::linear with its gradients: x [..., in], `weight` [out, in], `bias` [out] or undefined -> [..., out].
[[nodiscard]] at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// at::mm without gradients: a [m, k], b [k, n] -> [m, n].
[[nodiscard]] at::Tensor product(const at::Tensor& a, const at::Tensor& b);

// Whether both use oneDNN for large products. The initial value depends on the CPU by a fixed rule and not by a measurement,
// because equal runs must round equally. Tests and benchmarks may set it before anything is computed.
[[nodiscard]] bool& large_products_by_onednn();

// Rows of a matrix in memory. They are `stride` elements apart.
struct Rows {
  float* data;
  std::int64_t stride;
  [[nodiscard]] Rows from(std::int64_t row, std::int64_t column = 0) const { return {data + row * stride + column, stride}; }
};

// Computes out [m, n] = a [m, k] b [k, n], or out += a b with `add`, in the calling thread. It is meant for blocks that fit in
// the caches of a core. `b` is read in place, so long rows of `b` are fastest.
void tile_product(Rows a, Rows b, Rows out, std::int64_t m, std::int64_t n, std::int64_t k, bool add);

}  // namespace sam3lab::sam3
