// Activation checkpointing (arXiv 1604.06174): what a step computed is thrown away and computed again in the backward pass.
#pragma once
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

using Step = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// step(inputs), without keeping what is inside. Gradients of `inputs` flow as usual; those of parameters that `step` uses are
// added to their .grad in the backward pass, which must therefore be backward(), not grad(). The step sees the same random
// numbers (dropout) both times. With gradients switched off this is a plain call.
[[nodiscard]] at::Tensor recompute(Step step, const std::vector<at::Tensor>& inputs);

// A cheap function of one tensor, such as a norm or an activation.
using Before = std::function<at::Tensor(const at::Tensor& x)>;

// linear(before(x)) that keeps x and not before(x), which it computes again in the backward pass: the matrix product is done
// once. As for recompute(), gradients of parameters inside `before` are added to their .grad. `before` draws no random numbers.
// `ends_step`: nothing in the step but sums reads the result, so that a recompute()d step need not make it the second time
// (it is zero then).
[[nodiscard]] at::Tensor linear_of(Before before, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                                   bool ends_step = false);

}  // namespace sam3lab::sam3
