#include "plugins/shared/mask_terms.h"

#include <vector>

#include <ATen/ATen.h>

namespace sam3lab {

at::Tensor focal_elements(const at::Tensor& logits, const at::Tensor& targets, double alpha, double gamma) {
  const auto probability = logits.sigmoid();
  const auto entropy = at::binary_cross_entropy_with_logits(logits, targets, {}, {}, at::Reduction::None);
  const auto of_truth = probability * targets + (1 - probability) * (1 - targets);
  return (alpha * targets + (1 - alpha) * (1 - targets)) * entropy * (1 - of_truth).pow(gamma);
}

at::Tensor dice_rows(const at::Tensor& logits, const at::Tensor& targets, double smooth) {
  const auto probability = logits.sigmoid();
  const auto shared = (probability * targets).sum(-1);
  return 1 - (2 * shared + smooth) / (probability.sum(-1) + targets.sum(-1) + smooth);
}

at::Tensor unions(const at::Tensor& masks, const at::Tensor& num_boxes) {
  const auto counts = num_boxes.to(at::kCPU, at::kLong).contiguous();
  std::vector<at::Tensor> parts;
  for (const auto& part : masks.split_with_sizes(
           at::IntArrayRef(counts.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(counts.numel())))) {
    parts.push_back(part.any(0));
  }
  return at::stack(parts);
}

}  // namespace sam3lab
