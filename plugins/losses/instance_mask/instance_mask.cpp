#include "plugins/losses/instance_mask/instance_mask_loss.h"

SAM3LAB_PLUGIN(instance_mask) {
  reg.add<sam3lab::Loss, sam3lab::losses::instance_mask::InstanceMaskLoss, sam3lab::losses::instance_mask::InstanceMaskOptions>(
      "instance_mask", "focal and Dice loss of the masks of matched object queries");
}
