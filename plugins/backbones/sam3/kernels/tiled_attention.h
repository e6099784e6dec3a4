// Scaled dot-product attention in tiles (Dao et al. 2022, arXiv 2205.14135): forward and backward pass, without autograd. The
// backward pass computes the scores again, so no map of queries by keys is stored.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// Whether attention without dropout should be computed in tiles and not by LibTorch, whose kernel uses MKL: float32 on the CPU
// with many queries and keys. Small ones keep the order of sums of the package.
[[nodiscard]] bool pays_in_tiles(const at::Tensor& q, const at::Tensor& k);

struct Attended {
  at::Tensor out;       // [N, heads, Lq, D], stored [N, Lq, heads, D]
  at::Tensor log_sums;  // [N, heads, Lq]: logarithm of the sum of exp(scores) of a row; +infinity if it attends to nothing
};

// q [N, heads, Lq, D], k and v [N, heads, Lk, D], float32 on the CPU. Scores are divided by sqrt(D). `mask`: undefined, or
// added to the scores; broadcasts to [N, heads, Lq, Lk]. Each weight is kept with probability 1 - rate and divided by it, with
// the dropout mask of `seed`.
[[nodiscard]] Attended attend_in_tiles(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask,
                                       double rate, std::uint64_t seed);

struct AttentionGradients {
  at::Tensor q, k, v, mask;  // k and v stored [N, heads, D, Lk]
};

// Gradients of the inputs. `gradient`: that of `out`; the other arguments are those of the forward pass. `of_mask`: whether the
// gradient of the mask is needed.
[[nodiscard]] AttentionGradients gradients_in_tiles(const at::Tensor& gradient, const at::Tensor& q, const at::Tensor& k,
                                                    const at::Tensor& v, const at::Tensor& mask, const Attended& forward,
                                                    double rate, std::uint64_t seed, bool of_mask);

}  // namespace sam3lab::sam3
