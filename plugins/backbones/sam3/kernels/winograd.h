// Convolutions with 3x3 kernels by Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, arXiv 1509.09308). It needs 16
// products instead of 36 per 2x2 pixels and pair of channels, in the backward pass too. Rounding errors are like those of the
// direct sum (largest error over largest value with 256 channels: 3.1e-7, direct sum 2.5e-7).
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// Whether winograd() can convolve x [N, C, H, W] with weight [O, C, k, k] and is faster than LibTorch: float32 on the CPU
// without autocast, k = 3, even height and width, and maps and channels large enough to pay for the transforms.
[[nodiscard]] bool suits_winograd(const at::Tensor& x, const at::Tensor& weight);

// conv2d of x with `weight` and `bias` [O], stride 1 and padding 1. The result is stored channels last. Needs 30 MB per thread
// in addition to the result, with 256 channels.
[[nodiscard]] at::Tensor winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace sam3lab::sam3
