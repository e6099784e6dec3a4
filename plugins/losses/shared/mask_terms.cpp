#include "plugins/losses/shared/mask_terms.h"

#include <tuple>
#include <vector>

#include <ATen/ATen.h>

namespace sam3lab::losses {

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

CountedRows::CountedRows(const at::Tensor& logits, const at::Tensor& targets, const at::Tensor& ignored)
    : logits_(logits), targets_(targets), ignored_(ignored) {
  if (!ignored_.defined()) return;
  ignored_ = ignored_.to(logits.device());
  // They are cleared before any function is applied: 0 times the gradient at an infinite logit would be NaN.
  logits_ = logits_.masked_fill(ignored_, 0.0);
  targets_ = targets_.masked_fill(ignored_, 0.0);
}

at::Tensor CountedRows::focal(double alpha, double gamma) const {
  const auto elements = focal_elements(logits_, targets_, alpha, gamma);
  if (!ignored_.defined()) return elements.mean(1);
  const auto counted = ignored_.logical_not().sum(1).clamp_min(1);
  return elements.masked_fill(ignored_, 0.0).sum(1) / counted;
}

at::Tensor CountedRows::dice(double smooth) const {
  if (!ignored_.defined()) return dice_rows(logits_, targets_, smooth);
  const auto probability = logits_.sigmoid().masked_fill(ignored_, 0.0);
  const auto shared = (probability * targets_).sum(-1);
  return 1 - (2 * shared + smooth) / (probability.sum(-1) + targets_.sum(-1) + smooth);
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

at::Tensor per_target(const at::Tensor& per_query, const at::Tensor& num_boxes) {
  return per_query.repeat_interleave(num_boxes.to(per_query.device(), at::kLong), 0);
}

at::Tensor shrunk_ignore(const at::Tensor& ignore, std::int64_t height, std::int64_t width) {
  if (ignore.size(-2) == height && ignore.size(-1) == width) return ignore;
  return std::get<0>(at::adaptive_max_pool2d(ignore.to(at::kFloat).unsqueeze(1), {height, width})).squeeze(1) != 0;
}

}  // namespace sam3lab::losses
