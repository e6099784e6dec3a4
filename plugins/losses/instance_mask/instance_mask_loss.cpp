#include "plugins/losses/instance_mask/instance_mask_loss.h"

#include <ATen/ATen.h>

#include "plugins/losses/shared/mask_terms.h"

namespace sam3lab::losses::instance_mask {

std::vector<LossTerm> InstanceMaskLoss::terms(const LossInput& input) const {
  if (input.auxiliary || !input.predictions.masks.defined()) return {};
  const auto& m = input.matches;
  auto logits = input.predictions.masks.index({m.query, m.object});  // [M, h, w]
  if (logits.size(0) == 0) {
    const auto nothing = logits.sum();  // 0 with a gradient of 0, so that all parameters get a gradient in each batch
    return {{"loss_mask", nothing, options_.mask}, {"loss_dice", nothing, options_.dice}};
  }
  if (logits.scalar_type() == at::kBFloat16) logits = logits.to(at::kFloat);
  const auto wanted = input.targets.masks.to(logits.device()).index_select(0, m.target).to(logits.scalar_type());
  logits = at::upsample_bilinear2d(logits.unsqueeze(1), {wanted.size(-2), wanted.size(-1)}, false).flatten(1);
  const auto& ignore = input.targets.ignore;
  const CountedRows rows(logits, wanted.flatten(1),
                         ignore.defined() ? ignore.to(logits.device()).index_select(0, m.query).flatten(1) : ignore);
  const auto focal = rows.focal(options_.focal_alpha, options_.focal_gamma).sum();
  const auto dice = rows.dice(options_.smooth).sum();
  return {{"loss_mask", focal / input.num_boxes, options_.mask}, {"loss_dice", dice / input.num_boxes, options_.dice}};
}

}  // namespace sam3lab::losses::instance_mask
