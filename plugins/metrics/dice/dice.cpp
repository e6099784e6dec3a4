// Dice coefficient (Dice 1945; Sorensen 1948) of two binary masks.
#include <sam3lab/plugin.h>

#include "plugins/metrics/shared/mask_overlap.h"

namespace {

class Dice final : public sam3lab::Metric {
 public:
  [[nodiscard]] double score(const sam3lab::MetricInput& input) const override {
    return sam3lab::metrics::overlap_of(input).dice();
  }
  [[nodiscard]] std::string definition() const override {
    return "Dice = 2 |P and T| / (|P| + |T|) over pixels; both masks empty: 1; exactly one empty: 0";
  }
};

}  // namespace

SAM3LAB_PLUGIN(dice) { reg.add<sam3lab::Metric, Dice>("dice", "Dice coefficient of two masks, 0..1"); }
