#include "plugins/losses/grounding/grounding_loss.h"

SAM3LAB_PLUGIN(grounding) {
  reg.add<sam3lab::Loss, sam3lab::losses::grounding::GroundingLoss, sam3lab::losses::grounding::GroundingOptions>(
      "grounding", "text-to-mask alignment: a prompt's embedding resembles the image features under its mask");
}
