#include "plugins/shared/mask_terms.h"

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

}  // namespace sam3lab
