// Matches one object query to each target at the least total cost (Carion et al. 2020, section 3.1, with the focal class cost
// of Deformable DETR). Results and defaults are those of BinaryHungarianMatcherV2 in sam3/train/matcher.py.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::matchers::hungarian {

struct HungarianOptions {
  double cost_class = 2.0, cost_bbox = 5.0, cost_giou = 2.0, alpha = 0.25, gamma = 2.0;
  template <class V>
  void visit(V&& v) {
    v("cost_class", cost_class, at_least(0.0).about("weight of the focal class cost"));
    v("cost_bbox", cost_bbox, at_least(0.0).about("weight of the L1 distance of boxes, cxcywh in 0..1"));
    v("cost_giou", cost_giou, at_least(0.0).about("weight of minus the generalised IoU"));
    v("alpha", alpha, between(0.0, 1.0).about("weight of the positive class in the focal cost"));
    v("gamma", gamma, at_least(0.0).about("focusing exponent of the focal cost"));
  }
};

class BinaryHungarian final : public Matcher {
 public:
  explicit BinaryHungarian(const HungarianOptions& options) : options_(options) {}
  // Pairs are in the order of the targets. If there are more targets than object queries, the cheapest subset is matched.
  // Throws NumericError if a cost is NaN or infinite.
  [[nodiscard]] Matches match(const Predictions& predictions, const Targets& targets) const override;

 private:
  HungarianOptions options_;
};

}  // namespace sam3lab::matchers::hungarian
