#include "plugins/metrics/shared/mask_overlap.h"

#include <string>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

namespace sam3lab::metrics {
namespace {

std::string size_of(const at::Tensor& mask) {
  std::string text;
  for (const auto length : mask.sizes()) text.append(text.empty() ? "" : " x ").append(std::to_string(length));
  return text;
}

}  // namespace

double MaskOverlap::dice() const {
  return prediction + truth == 0 ? 1.0 : 2.0 * static_cast<double>(both) / static_cast<double>(prediction + truth);
}

double MaskOverlap::iou() const {
  const auto either = prediction + truth - both;
  return either == 0 ? 1.0 : static_cast<double>(both) / static_cast<double>(either);
}

MaskOverlap overlap_of(const MetricInput& input) {
  if (input.prediction.sizes() != input.truth.sizes()) {
    throw DataError(Fault{"metric", "a predicted mask has another size than the true one", size_of(input.prediction),
                          size_of(input.truth), "score masks at the resolution of the original image"});
  }
  const auto predicted = input.prediction.to(at::kBool), truth = input.truth.to(at::kBool);
  return {predicted.sum().item<std::int64_t>(), truth.sum().item<std::int64_t>(),
          (predicted & truth).sum().item<std::int64_t>()};
}

MetricInfo overlap_info() {
  MetricInfo info;
  info.empty_rule = "both masks empty: 1; exactly one empty: 0";
  return info;
}

}  // namespace sam3lab::metrics
