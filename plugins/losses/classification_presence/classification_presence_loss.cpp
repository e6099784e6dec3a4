#include "plugins/losses/classification_presence/classification_presence_loss.h"

#include <ATen/ATen.h>

#include "plugins/geometry/boxes.h"
#include "plugins/losses/shared/mask_terms.h"

namespace sam3lab::losses::classification_presence {
namespace {

constexpr double least_soft_target = 0.01;

at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets) {
  return at::binary_cross_entropy_with_logits(logits, targets, {}, {}, at::Reduction::None);
}

// [M]: quality of each matched query. It is a target for the logit, so no gradient flows through it.
at::Tensor soft_targets(const LossInput& input, const at::Tensor& probability, double alpha) {
  const at::NoGradGuard no_gradient;
  const auto& m = input.matches;
  const auto predicted = boxes::to_corners(input.predictions.boxes.index({m.query, m.object}));
  const auto wanted = boxes::to_corners(input.targets.boxes.to(predicted.device()).index_select(0, m.target));
  const auto iou = boxes::paired_iou(predicted, wanted);
  return (probability.index({m.query, m.object}).pow(alpha) * iou.pow(1 - alpha)).clamp_min(least_soft_target);
}

// [Q, 1] 0 or 1: whether the prompt has a target of positive size in its image.
at::Tensor present(const Targets& targets, const at::Tensor& like) {
  const auto boxes = targets.boxes_padded.to(like.device());
  const auto visible = (boxes.select(-1, 2) > 0) & (boxes.select(-1, 3) > 0);
  return visible.any(-1, true).to(like.scalar_type());
}

}  // namespace

std::vector<LossTerm> ClassificationPresence::terms(const LossInput& input) const {
  const auto logits = input.predictions.logits.squeeze(-1);  // [Q, K]
  const auto probability = logits.sigmoid();
  const auto matched = at::zeros_like(logits.detach());
  matched.index_put_({input.matches.query, input.matches.object}, at::ones({}, matched.options()));
  const auto soft = matched.clone();
  soft.index_put_({input.matches.query, input.matches.object},
                  soft_targets(input, probability, options_.alpha).to(soft.scalar_type()));
  const auto queries = logits.size(0), objects = logits.size(1);
  const bool padded = objects < options_.pad_n_queries;

  const auto positive = options_.pos_focal ? focal_elements(logits, soft, 0.5, options_.gamma) : cross_entropy(logits, soft);
  const double factor = options_.pos_weight * (padded ? options_.pad_scale_pos : 1.0);
  auto loss = positive * matched * factor + cross_entropy(logits, matched) * (1 - matched) * probability.pow(options_.gamma);
  const auto in_image = present(input.targets, logits);
  if (options_.use_presence) loss = loss * in_image;
  const auto counted = static_cast<double>(queries * (padded ? options_.pad_n_queries : objects));
  std::vector<LossTerm> terms{{"loss_ce", loss.sum() / counted, options_.ce}};
  if (options_.use_presence && input.presence.defined()) {
    const auto logit = input.presence.view_as(in_image);
    terms.push_back({"presence_loss", focal_elements(logit, in_image, options_.presence_alpha, options_.presence_gamma).mean(),
                     options_.presence});
  }
  return terms;
}

}  // namespace sam3lab::losses::classification_presence
