// Dropout whose mask follows from a seed and each number's place: nothing is kept for the backward pass, and threads share the
// work, where LibTorch draws one number after another and keeps the mask as floats.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// x float32 on CPU, of any shape: each number is 0 with probability `rate`, else divided by 1 - rate.
[[nodiscard]] at::Tensor counted_dropout(const at::Tensor& x, double rate, std::uint64_t seed);

}  // namespace sam3lab::sam3
