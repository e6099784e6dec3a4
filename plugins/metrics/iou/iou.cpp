// Intersection over union (Jaccard 1912) of two binary masks.
#include <sam3lab/plugin.h>

#include "plugins/metrics/shared/mask_overlap.h"

namespace {

class IoU final : public sam3lab::Metric {
 public:
  [[nodiscard]] std::optional<double> score(const sam3lab::MetricInput& input) const override {
    return sam3lab::metrics::overlap_of(input).iou();
  }
  [[nodiscard]] sam3lab::MetricInfo info() const override {
    auto info = sam3lab::metrics::overlap_info();
    info.definition = "IoU = |P and T| / |P or T| over pixels";
    return info;
  }
};

}  // namespace

SAM3LAB_PLUGIN(iou) { reg.add<sam3lab::Metric, IoU>("iou", "intersection over union of two masks, 0..1"); }
