// Kernels of ours for tensors on an NVIDIA GPU (core/optim/cuda), each the twin of a function on the CPU.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/optim/adamw_update.h"

namespace sam3lab {

// adamw_bfloat16() on whole tensors of one size, all contiguous: parameter and gradient float32, moments bfloat16. DataError
// where the program was built without them or they cannot be loaded, NumericError where CUDA refuses.
void adamw_bfloat16_cuda(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& first_moment,
                         const at::Tensor& second_moment, const AdamWStep& step);

}  // namespace sam3lab
