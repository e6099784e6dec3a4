// Scaled dot-product attention with dropout of its weights, in tiles (Dao et al. 2022, arXiv 2205.14135): LibTorch's fused CPU
// kernel knows no dropout, and its other path keeps maps of all queries by all keys, 0.9 GB each for the published model.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// q [N, heads, Lq, D], k and v [N, heads, Lk, D], float32 on CPU -> [N, heads, Lq, D]. Scores are divided by sqrt(D). `mask`:
// undefined, bool (true = attend) or float added to the scores (gradients flow into it); broadcasts to [N, heads, Lq, Lk]. A
// row that may attend to nothing gives zeros. Each weight is kept with probability 1 - rate and divided by it.
[[nodiscard]] at::Tensor dropout_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const at::Tensor& mask, double rate, std::uint64_t seed);

// A seed from LibTorch's CPU generator, so that recomputation, which restores it, sees the same mask.
[[nodiscard]] std::uint64_t draw_seed();

// The mask that a seed stands for: [N, heads, Lq, Lk] bool, true = kept.
[[nodiscard]] at::Tensor kept_weights(at::IntArrayRef shape, double rate, std::uint64_t seed);

}  // namespace sam3lab::sam3
