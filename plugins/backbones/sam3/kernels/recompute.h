// Activation checkpointing (arXiv 1604.06174): intermediate results of a step are discarded and computed again in the backward
// pass.
#pragma once
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

using Step = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// Computes step(inputs) without keeping intermediate results. Gradients of `inputs` flow as usual. Gradients of parameters that
// `step` uses are added to their .grad in the backward pass, so that pass must be backward(), not grad(). Both times the step
// gets the same random numbers (dropout), and it must choose the same kernels with and without gradients. With gradients
// switched off this is a plain call.
[[nodiscard]] at::Tensor recompute(Step step, const std::vector<at::Tensor>& inputs);

// A cheap function of one tensor, such as a norm or an activation.
using Before = std::function<at::Tensor(const at::Tensor& x)>;

// Computes linear(before(x)). It keeps x, and computes before(x) again in the backward pass; the matrix product is computed
// once. As in recompute(), gradients of parameters inside `before` are added to their .grad. `before` must not draw random
// numbers. `ends_step`: the result is only used in sums of the step. Then the second run of a step in recompute() skips the
// product and uses zeros.
[[nodiscard]] at::Tensor linear_of(Before before, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                   bool ends_step = false);

}  // namespace sam3lab::sam3
