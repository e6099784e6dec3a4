// Terms over logits and binary targets that several losses are made of.
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab::losses {

// Focal loss of each element (Lin et al. 2017, eq. 5): alpha_t (1 - p_t)^gamma BCE. Shapes as given; `targets` 0..1 in the
// logits' dtype.
at::Tensor focal_elements(const at::Tensor& logits, const at::Tensor& targets, double alpha, double gamma);

// Soft Dice loss of each row: 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth). logits, targets [N, pixels] -> [N].
at::Tensor dice_rows(const at::Tensor& logits, const at::Tensor& targets, double smooth);

// What a mask loss compares, and how much each row of it counts. With `ignored` [N, pixels] bool those pixels are 0 in both,
// whatever stood there, so that neither value nor gradient depends on them; undefined, everything counts.
class CountedRows {
 public:
  CountedRows(const at::Tensor& logits, const at::Tensor& targets, const at::Tensor& ignored);

  [[nodiscard]] at::Tensor focal(double alpha, double gamma) const;  // [N]: mean over the pixels that count; 0 without any
  [[nodiscard]] at::Tensor dice(double smooth) const;                // [N]: dice_rows over the pixels that count
  [[nodiscard]] const at::Tensor& targets() const { return targets_; }

 private:
  at::Tensor logits_, targets_, ignored_;
};

// Masks [N, H, W] of Q queries, packed, num_boxes [Q] of each, to the union of each query's masks [Q, H, W].
[[nodiscard]] at::Tensor unions(const at::Tensor& masks, const at::Tensor& num_boxes);

// One row a query, [Q, ...], as one row a target, [N, ...].
[[nodiscard]] at::Tensor per_target(const at::Tensor& per_query, const at::Tensor& num_boxes);

// Ignored pixels [Q, H, W] bool at another resolution: a cell is ignored if any ignored pixel has a part in it.
[[nodiscard]] at::Tensor shrunk_ignore(const at::Tensor& ignore, std::int64_t height, std::int64_t width);

}  // namespace sam3lab::losses
