// Dice coefficient (Dice 1945; Sorensen 1948) of two binary masks.
#include <sam3lab/plugin.h>

#include "plugins/metrics/shared/mask_overlap.h"

namespace {

class Dice final : public sam3lab::Metric {
 public:
  [[nodiscard]] std::optional<double> score(const sam3lab::MetricInput& input) const override {
    return sam3lab::metrics::overlap_of(input).dice();
  }
  [[nodiscard]] sam3lab::MetricInfo info() const override {
    auto info = sam3lab::metrics::overlap_info();
    info.definition = "Dice = 2 |P and T| / (|P| + |T|) over pixels";
    return info;
  }
};

}  // namespace

SAM3LAB_PLUGIN(dice) { reg.add<sam3lab::Metric, Dice>("dice", "Dice coefficient of two masks, 0..1"); }
