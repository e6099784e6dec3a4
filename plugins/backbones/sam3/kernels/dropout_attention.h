// Scaled dot-product attention with dropout of its weights, in tiles (Dao et al. 2022, arXiv 2205.14135). LibTorch's fused CPU
// kernel has no dropout. Its other kernel stores maps of all queries by all keys, 0.9 GB each for the published model.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// q [N, heads, Lq, D], k and v [N, heads, Lk, D], float32 on the CPU -> [N, heads, Lq, D]. Scores are divided by sqrt(D).
// `mask`: undefined, bool (true = attend), or float that is added to the scores and can have a gradient; broadcasts to [N,
// heads, Lq, Lk]. A row that may attend to nothing gives zeros. Each weight is kept with probability 1 - rate and divided by
// that probability.
[[nodiscard]] at::Tensor dropout_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const at::Tensor& mask, double rate, std::uint64_t seed);

// Draws a seed from LibTorch's CPU generator. Recomputation restores the generator, so it gets the same mask.
[[nodiscard]] std::uint64_t draw_seed();

// The mask of a seed: [N, heads, Lq, Lk] bool, true = kept.
[[nodiscard]] at::Tensor kept_weights(at::IntArrayRef shape, double rate, std::uint64_t seed);

}  // namespace sam3lab::sam3
