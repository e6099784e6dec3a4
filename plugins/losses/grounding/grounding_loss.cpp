#include "plugins/losses/grounding/grounding_loss.h"

#include <limits>

#include <ATen/ATen.h>

#include "plugins/losses/shared/mask_terms.h"

namespace sam3lab::losses::grounding {
namespace {

const at::Tensor& extra(const Outputs& outputs, const std::string& name) {
  const auto found = outputs.extras.find(name);
  if (found == outputs.extras.end()) {
    throw UsageError(Fault{"loss/grounding", "needs '" + name + "', which this backbone does not give", "", "",
                           "take the loss out of the experiment, or choose another backbone"});
  }
  return found->second;
}

at::Tensor unit(const at::Tensor& x) { return x / x.norm(2, -1, true).clamp_min(1e-6); }

// Mean of features [Q, d, n] with weights [Q, n]; 0 where all weights are 0.
at::Tensor pooled(const at::Tensor& features, const at::Tensor& weights) {
  return at::bmm(features, weights.unsqueeze(-1)).squeeze(-1) / weights.sum(1, true).clamp_min(1e-6);
}

}  // namespace

at::Tensor grounding_term(const GroundingPairs& pairs, double temperature) {
  constexpr double never = -std::numeric_limits<double>::infinity();
  const at::Tensor similar = at::matmul(pairs.texts, pairs.inside.t()) / temperature;  // [text, mask]
  const at::Tensor behind =
      ((pairs.texts * pairs.outside).sum(1) / temperature).masked_fill(pairs.has_outside.logical_not(), never);
  const at::Tensor own = similar.diagonal(), nobody = pairs.negative.logical_not();
  // Each row: the positive pair, then the negatives.
  const at::Tensor masks = similar.masked_fill(nobody.logical_or(pairs.present.logical_not().unsqueeze(0)), never);
  const at::Tensor texts = similar.t().masked_fill(nobody, never);
  const at::Tensor of_text = at::cat({own.unsqueeze(1), masks, behind.unsqueeze(1)}, 1).logsumexp({1}) - own;
  const at::Tensor of_mask = at::cat({own.unsqueeze(1), texts}, 1).logsumexp({1}) - own;
  const at::Tensor counts = pairs.present.to(own.scalar_type());
  return ((of_text + of_mask) * counts).sum() / (2.0 * counts.sum().clamp_min(1.0));
}

std::vector<LossTerm> GroundingLoss::terms(const LossInput& input) const {
  const at::Tensor texts = extra(input.outputs, "prompt_embedding").to(at::kFloat),
                   tokens = extra(input.outputs, "prompt_tokens");
  const at::Tensor features = extra(input.outputs, "pixel_features").to(at::kFloat);
  at::Tensor masks = input.targets.masks.to(features.device()).to(at::kBool), counted;
  if (input.targets.ignore.defined()) {
    counted = input.targets.ignore.to(features.device()).logical_not();
    masks = masks.logical_and(per_target(counted, input.targets.num_boxes));
  }
  if (masks.size(0) == 0) return {{"loss_grounding", (texts.sum() + features.sum()) * 0, options_.weight}};
  const auto share_of_cells = [&features](const at::Tensor& pixels) {  // [Q, H, W] -> [Q, cells]
    return at::adaptive_avg_pool2d(pixels.to(at::kFloat), features.sizes().slice(2)).flatten(1);
  };
  // The fraction of each cell inside the prompt's masks, and the fraction that is known to be outside of them.
  const at::Tensor cover = share_of_cells(unions(masks, input.targets.num_boxes));
  const at::Tensor rest = counted.defined() ? (share_of_cells(counted) - cover).clamp_min(0) : 1 - cover;
  const at::Tensor flat = features.flatten(2), area = cover.sum(1);
  const at::Tensor shared = at::minimum(cover.unsqueeze(0), cover.unsqueeze(1)).sum(2);
  const at::Tensor smaller = at::minimum(area.unsqueeze(0), area.unsqueeze(1)).clamp_min(1e-6);
  const at::Tensor same_text = tokens.unsqueeze(0).eq(tokens.unsqueeze(1)).all(2);
  GroundingPairs pairs;
  pairs.texts = unit(texts);
  pairs.inside = unit(pooled(flat, cover));
  pairs.outside = unit(pooled(flat, rest));
  pairs.present = area > 0;
  pairs.negative = same_text.logical_or(shared / smaller > options_.overlap).logical_not();
  pairs.has_outside = options_.background ? rest.sum(1) > 0 : at::zeros_like(pairs.present);
  return {{"loss_grounding", grounding_term(pairs, options_.temperature), options_.weight}};
}

}  // namespace sam3lab::losses::grounding
