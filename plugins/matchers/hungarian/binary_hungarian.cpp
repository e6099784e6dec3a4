#include "plugins/matchers/hungarian/binary_hungarian.h"

#include <algorithm>
#include <span>
#include <vector>

#include <ATen/ATen.h>

#include "plugins/matchers/hungarian/assignment.h"
#include "plugins/geometry/boxes.h"

namespace sam3lab::matchers::hungarian {
namespace {

// [Q, K, T]: cost of object query k of query q for its target t. Costs are float32 as in the reference, so that near-ties are
// decided in the same way; the assignment is solved in float64.
at::Tensor cost_matrix(const at::Tensor& logits, const at::Tensor& predicted, const at::Tensor& wanted,
                       const HungarianOptions& o) {
  const auto probability = logits.sigmoid();
  const auto positive = -o.alpha * (1 - probability).pow(o.gamma) * at::log_sigmoid(logits);
  const auto negative = (1 - o.alpha) * probability.pow(o.gamma) * at::log_sigmoid(-logits);
  const auto of_class = (positive + negative).unsqueeze(-1);
  const auto distance = at::cdist(predicted, wanted, 1.0);
  const auto giou = boxes::pairwise_generalised_iou(boxes::to_corners(predicted), boxes::to_corners(wanted));
  return o.cost_bbox * distance + o.cost_class * of_class - o.cost_giou * giou;
}

at::Tensor indices(const std::vector<std::int64_t>& values, const at::Device& device) {
  return at::tensor(values, at::kLong).to(device);
}

}  // namespace

Matches BinaryHungarian::match(const Predictions& predictions, const Targets& targets) const {
  const at::NoGradGuard no_gradient;
  const auto counts = targets.num_boxes.to(at::kCPU, at::kLong).contiguous();
  const std::span<const std::int64_t> count(counts.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(counts.numel()));
  const auto device = predictions.boxes.device();
  std::vector<std::int64_t> query, object, target;
  const auto asked = at::nonzero(counts > 0).squeeze(1);
  if (asked.numel() > 0) {
    const auto rows = asked.to(device);
    const auto logits = predictions.logits.squeeze(-1).index_select(0, rows).to(at::kFloat);
    const auto predicted = predictions.boxes.index_select(0, rows).to(at::kFloat);
    const auto wanted = targets.boxes_padded.index_select(0, asked.to(targets.boxes_padded.device())).to(device);
    const auto costs = cost_matrix(logits, predicted, wanted, options_).to(at::kCPU, at::kDouble);
    std::int64_t first = 0, row = 0;
    for (std::size_t q = 0; q < count.size(); ++q) {
      if (count[q] == 0) continue;
      const auto cost = costs.select(0, row++).narrow(-1, 0, count[q]).contiguous();
      if (!cost.isfinite().all().item<bool>()) {
        throw NumericError(Fault{"matcher/hungarian", "a matching cost is NaN or infinite", "", "finite logits and boxes",
                                 "lower the learning rate, or look for the first bad tensor with `sam3lab trace`"});
      }
      const std::span<const double> entries(cost.const_data_ptr<double>(), static_cast<std::size_t>(cost.numel()));
      auto pairs = solve_assignment(entries, cost.size(0), count[q]).pairs;
      std::sort(pairs.begin(), pairs.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
      for (const auto& [k, t] : pairs) {
        query.push_back(static_cast<std::int64_t>(q));
        object.push_back(k);
        target.push_back(first + t);
      }
      first += count[q];
    }
  }
  return {indices(query, device), indices(object, device), indices(target, device)};
}

}  // namespace sam3lab::matchers::hungarian
