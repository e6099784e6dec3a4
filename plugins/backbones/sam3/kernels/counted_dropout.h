// Dropout whose mask depends on a seed and the index of the element. So no mask is stored for the backward pass, and threads
// can share the work. LibTorch draws its random numbers one after another and stores the mask as floats.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// x: float32 on the CPU, any shape. Each element becomes 0 with probability `rate`, and is divided by 1 - rate otherwise.
[[nodiscard]] at::Tensor counted_dropout(const at::Tensor& x, double rate, std::uint64_t seed);

}  // namespace sam3lab::sam3
