// Box regression on matched pairs: L1 distance of cxcywh (Carion et al. 2020, eq. 9) and 1 - generalised IoU (Rezatofighi et
// al. 2019). Each is summed over the pairs and divided by the number of targets. Computes what `Boxes` in
// sam3/train/loss/loss_fns.py computes.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::losses::box {

struct BoxOptions {
  double l1 = 5.0, giou = 2.0;
  template <class V>
  void visit(V&& v) {
    v("l1", l1, at_least(0.0).about("weight of the L1 distance, boxes cxcywh in 0..1"));
    v("giou", giou, at_least(0.0).about("weight of 1 - generalised IoU"));
  }
};

class BoxLoss final : public Loss {
 public:
  explicit BoxLoss(const BoxOptions& options) : options_(options) {}
  // "loss_bbox" and "loss_giou"; 0 without a pair.
  [[nodiscard]] std::vector<LossTerm> terms(const LossInput& input) const override;

 private:
  BoxOptions options_;
};

}  // namespace sam3lab::losses::box
