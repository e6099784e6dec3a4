#include "plugins/losses/semantic_mask/semantic_mask_loss.h"

#include <ATen/ATen.h>

#include "plugins/losses/shared/mask_terms.h"

namespace sam3lab::losses::semantic_mask {

std::vector<LossTerm> SemanticMaskLoss::terms(const LossInput& input) const {
  auto logits = input.outputs.semantic.to(at::kFloat);  // [Q, 1, h, w]
  auto masks = input.targets.masks.to(logits.device()).to(at::kBool);
  auto ignored = input.targets.ignore;  // [Q, R, R]; undefined: none
  if (ignored.defined()) {
    ignored = ignored.to(logits.device());
    masks = masks.logical_and(per_target(ignored, input.targets.num_boxes).logical_not());
  }
  if (options_.downsample && masks.size(0) > 0) {
    // As in the reference, a bilinear value above 0 is true: any overlap counts.
    masks =
        at::upsample_bilinear2d(masks.to(at::kFloat).unsqueeze(1), {logits.size(-2), logits.size(-1)}, false).squeeze(1) != 0;
    if (ignored.defined()) ignored = shrunk_ignore(ignored, logits.size(-2), logits.size(-1));
  }
  std::vector<LossTerm> terms;
  at::Tensor present, focal, dice;
  if (masks.size(0) == 0) {
    present = at::zeros({logits.size(0)}, logits.options());
    focal = dice = logits.sum() * 0;  // all parameters get a gradient in each batch
  } else {
    const auto truth = unions(masks, input.targets.num_boxes).flatten(1).to(at::kFloat);  // [Q, pixels]
    if (!options_.downsample) logits = at::upsample_bilinear2d(logits, {masks.size(-2), masks.size(-1)}, false);
    const CountedRows rows(logits.flatten(1), truth, ignored.defined() ? ignored.flatten(1) : ignored);
    present = (rows.targets().amax(1) > 0).to(at::kFloat);
    const auto mean = [&](const at::Tensor& values) { return (values * present).sum() / (present.sum() + 1e-6); };
    focal = mean(rows.focal(options_.focal_alpha, options_.focal_gamma));
    dice = mean(rows.dice(options_.smooth));
  }
  if (options_.presence_loss) {
    const auto logit = input.outputs.extras.find("presence_logit");
    if (logit == input.outputs.extras.end()) {
      throw UsageError(Fault{"loss/semantic_mask",
                             "presence_loss needs a semantic presence logit, which this backbone does not give", "", "",
                             "set presence_loss = false: the decoder's presence term does the same work"});
    }
    terms.push_back(
        {"loss_semantic_presence", at::binary_cross_entropy_with_logits(logit->second.flatten(), present), options_.presence});
  }
  terms.push_back({"loss_semantic_seg", focal, options_.seg});
  terms.push_back({"loss_semantic_dice", dice, options_.dice});
  return terms;
}

}  // namespace sam3lab::losses::semantic_mask
