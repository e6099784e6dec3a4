#include "plugins/losses/box/box_loss.h"

#include <ATen/ATen.h>

#include "plugins/geometry/boxes.h"

namespace sam3lab::losses::box {

std::vector<LossTerm> BoxLoss::terms(const LossInput& input) const {
  const auto predicted = input.predictions.boxes.index({input.matches.query, input.matches.object});
  const auto wanted = input.targets.boxes.to(predicted.device()).index_select(0, input.matches.target);
  const auto giou = boxes::paired_generalised_iou(boxes::to_corners(predicted), boxes::to_corners(wanted));
  return {{"loss_bbox", (predicted - wanted).abs().sum() / input.num_boxes, options_.l1},
          {"loss_giou", (1 - giou).sum() / input.num_boxes, options_.giou}};
}

}  // namespace sam3lab::losses::box
