// Terms over logits and binary targets that several losses are made of.
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab {

// Focal loss of each element (Lin et al. 2017, eq. 5): alpha_t (1 - p_t)^gamma BCE. Shapes as given; `targets` 0..1 in the
// logits' dtype.
at::Tensor focal_elements(const at::Tensor& logits, const at::Tensor& targets, double alpha, double gamma);

// Soft Dice loss of each row: 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth). logits, targets [N, pixels] -> [N].
at::Tensor dice_rows(const at::Tensor& logits, const at::Tensor& targets, double smooth);

// Masks [N, H, W] of Q queries, packed, num_boxes [Q] of each, to the union of each query's masks [Q, H, W].
[[nodiscard]] at::Tensor unions(const at::Tensor& masks, const at::Tensor& num_boxes);

}  // namespace sam3lab
