// Terms on logits and binary targets that several losses use.
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab::losses {

// Focal loss of each element (Lin et al. 2017, eq. 5): alpha_t (1 - p_t)^gamma BCE. Any shape; `targets` are 0..1 and have the
// dtype of the logits.
at::Tensor focal_elements(const at::Tensor& logits, const at::Tensor& targets, double alpha, double gamma);

// Soft Dice loss of each row: 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth). logits, targets [N, pixels] -> [N].
at::Tensor dice_rows(const at::Tensor& logits, const at::Tensor& targets, double smooth);

// Rows of logits and targets without their ignored pixels. `ignored` is [N, pixels] bool; undefined means that all pixels
// count. Ignored pixels are set to 0 in both, so that neither value nor gradient depends on them.
class CountedRows {
 public:
  CountedRows(const at::Tensor& logits, const at::Tensor& targets, const at::Tensor& ignored);

  [[nodiscard]] at::Tensor focal(double alpha, double gamma) const;  // [N]: mean over the pixels that count; 0 if none does
  [[nodiscard]] at::Tensor dice(double smooth) const;                // [N]: dice_rows over the pixels that count
  [[nodiscard]] const at::Tensor& targets() const { return targets_; }

 private:
  at::Tensor logits_, targets_, ignored_;
};

// The union of the masks of each query, [Q, H, W], from packed masks [N, H, W]. num_boxes [Q]: number of masks of each query.
[[nodiscard]] at::Tensor unions(const at::Tensor& masks, const at::Tensor& num_boxes);

// Repeats the row of each query, [Q, ...], for each of its targets: [N, ...].
[[nodiscard]] at::Tensor per_target(const at::Tensor& per_query, const at::Tensor& num_boxes);

// Ignored pixels [Q, H, W] bool at another resolution: a cell is ignored if it overlaps an ignored pixel.
[[nodiscard]] at::Tensor shrunk_ignore(const at::Tensor& ignore, std::int64_t height, std::int64_t width);

}  // namespace sam3lab::losses
