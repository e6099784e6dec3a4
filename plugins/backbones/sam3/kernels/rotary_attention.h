// Self-attention of a square of tokens with rotary positions, without copies of queries and keys.
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// packed [N, L, 3, heads, D]: queries, keys and values, float32 on the CPU, contiguous; phases [L, D / 2] complex; both as in
// RotaryAttention -> [N, heads, L, D]. The queries and keys in `packed` are rotated in place, so nothing else may use `packed`.
[[nodiscard]] at::Tensor rotary_attention(const at::Tensor& packed, const at::Tensor& phases);

}  // namespace sam3lab::sam3
