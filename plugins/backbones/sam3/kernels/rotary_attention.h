// Attention of a square of tokens to itself with rotary positions, without copies of queries and keys.
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// packed [N, L, 3, heads, D] queries, keys and values, float32 on CPU, contiguous; phases [L, D / 2] complex; both as
// RotaryAttention has them -> [N, heads, L, D]. `packed` is overwritten (queries and keys turned), so it must be a fresh result
// that nothing else reads.
[[nodiscard]] at::Tensor rotary_attention(const at::Tensor& packed, const at::Tensor& phases);

}  // namespace sam3lab::sam3
