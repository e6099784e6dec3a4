// Focal and Dice loss of the semantic map ("any instance of the prompt") against the union of the targets, as the mean over the
// prompts that have a target. They are compared at the resolution of the targets, or with `downsample` at that of the map.
// Ignored pixels do not count; with `downsample` neither does a cell that contains one. Computes what `SemanticSegCriterion` in
// sam3/train/loss/loss_fns.py computes with its presence head: prompts without a target are left to the decoder's presence
// logit.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab::losses::semantic_mask {

struct SemanticMaskOptions {
  double seg = 20.0, dice = 30.0, presence = 1.0, focal_alpha = 0.6, focal_gamma = 2.0, smooth = 1.0;
  bool presence_loss = false, downsample = false;
  template <class V>
  void visit(V&& v) {
    v("seg", seg, at_least(0.0).about("weight of the focal term"));
    v("dice", dice, at_least(0.0).about("weight of the Dice term"));
    v("presence", presence, at_least(0.0).about("weight of the semantic head's own presence term"));
    v("focal_alpha", focal_alpha, between(0.0, 1.0).about("weight of foreground pixels in the focal term"));
    v("focal_gamma", focal_gamma, at_least(0.0).about("focusing exponent of the focal term"));
    v("smooth", smooth, at_least(0.0).unit("px").about("added to both sums of Dice, so that an empty mask stays finite"));
    v("presence_loss", presence_loss,
      about("learn presence from the semantic head as well, where the backbone gives that logit"));
    v("downsample", downsample, about("compare at the map's resolution instead of the targets'"));
  }
};

class SemanticMaskLoss final : public Loss {
 public:
  explicit SemanticMaskLoss(const SemanticMaskOptions& options) : options_(options) {}
  // "loss_semantic_seg", "loss_semantic_dice" and, with presence_loss, "loss_semantic_presence" from the backbone's extra
  // tensor "presence_logit" [Q, 1]; UsageError if the backbone gives none. 0 without a target in the batch.
  [[nodiscard]] std::vector<LossTerm> terms(const LossInput& input) const override;
  [[nodiscard]] bool once() const override { return true; }

 private:
  SemanticMaskOptions options_;
};

}  // namespace sam3lab::losses::semantic_mask
