#include "plugins/losses/box/box_loss.h"

SAM3LAB_PLUGIN(box) {
  reg.add<sam3lab::Loss, sam3lab::losses::box::BoxLoss, sam3lab::losses::box::BoxOptions>(
      "box", "L1 distance and generalised IoU of matched boxes");
}
