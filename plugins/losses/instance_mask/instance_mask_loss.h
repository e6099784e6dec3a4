// Focal and Dice loss of the masks of matched object queries, for the last decoder layer only. Logits are resized bilinearly to
// the resolution of the targets. Each term is a mean or ratio over the pixels of a mask, summed over the pairs and divided by
// the number of targets. Ignored pixels do not count, in the mean neither. Computes what `Masks` in sam3/train/loss/loss_fns.py
// computes, without its point sampling.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::losses::instance_mask {

struct InstanceMaskOptions {
  double mask = 200.0, dice = 10.0, focal_alpha = 0.25, focal_gamma = 2.0, smooth = 1.0;
  template <class V>
  void visit(V&& v) {
    v("mask", mask, at_least(0.0).about("weight of the focal term"));
    v("dice", dice, at_least(0.0).about("weight of the Dice term"));
    v("focal_alpha", focal_alpha, between(0.0, 1.0).about("weight of foreground pixels in the focal term"));
    v("focal_gamma", focal_gamma, at_least(0.0).about("focusing exponent of the focal term"));
    v("smooth", smooth, at_least(0.0).unit("px").about("added to both sums of Dice, so that an empty mask stays finite"));
  }
};

class InstanceMaskLoss final : public Loss {
 public:
  explicit InstanceMaskLoss(const InstanceMaskOptions& options) : options_(options) {}
  // "loss_mask" and "loss_dice". No terms for auxiliary layers and for predictions without masks; 0 without a pair.
  [[nodiscard]] std::vector<LossTerm> terms(const LossInput& input) const override;

 private:
  InstanceMaskOptions options_;
};

}  // namespace sam3lab::losses::instance_mask
