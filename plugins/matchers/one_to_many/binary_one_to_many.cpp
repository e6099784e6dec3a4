#include "plugins/matchers/one_to_many/binary_one_to_many.h"

#include <ATen/ATen.h>

#include "plugins/geometry/boxes.h"

namespace sam3lab::matchers::one_to_many {

Matches BinaryOneToMany::match(const Predictions& predictions, const Targets& targets) const {
  const at::NoGradGuard no_gradient;
  const auto objects = predictions.logits.size(1);
  if (options_.topk > objects) {
    throw UsageError(Fault{"matcher/one_to_many", "topk is larger than the number of object queries",
                           std::to_string(options_.topk), "at most " + std::to_string(objects),
                           "lower topk, or give the backbone more object queries"});
  }
  const auto device = predictions.boxes.device();
  const auto wanted = targets.boxes_padded.to(device);
  const auto counts = targets.num_boxes.to(device, at::kLong);
  const auto iou = boxes::pairwise_iou(boxes::to_corners(predictions.boxes.to(at::kFloat)), boxes::to_corners(wanted));
  const auto score = options_.alpha * predictions.logits.to(at::kFloat).sigmoid() + (1 - options_.alpha) * iou;  // [Q, K, T]
  const double quantile = 1.0 - static_cast<double>(options_.topk) / static_cast<double>(objects);
  const auto outstanding = score > at::quantile(score, quantile, 1, true);
  const auto real = at::arange(wanted.size(1), counts.options()).unsqueeze(0) < counts.unsqueeze(1);
  const auto chosen = at::nonzero(outstanding & (score > options_.threshold) & real.unsqueeze(1));
  const auto query = chosen.select(1, 0);
  const auto first = counts.cumsum(0) - counts;
  return {query, chosen.select(1, 1), chosen.select(1, 2) + first.index_select(0, query)};
}

}  // namespace sam3lab::matchers::one_to_many
