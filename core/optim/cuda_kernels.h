// Our own kernels for tensors on an NVIDIA GPU (core/optim/cuda). Each computes the same bits as a function for the CPU.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/optim/adamw_update.h"

namespace sam3lab {

// adamw_bfloat16() on whole tensors. All have one size and are contiguous; parameter and gradient are float32, moments
// bfloat16. DataError where the program was built without the kernels or they cannot be loaded, NumericError where CUDA reports
// an error.
void adamw_bfloat16_cuda(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& first_moment,
                         const at::Tensor& second_moment, const AdamWStep& step);

}  // namespace sam3lab
