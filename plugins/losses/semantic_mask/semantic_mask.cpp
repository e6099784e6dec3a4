#include "plugins/losses/semantic_mask/semantic_mask_loss.h"

SAM3LAB_PLUGIN(semantic_mask) {
  reg.add<sam3lab::Loss, sam3lab::losses::semantic_mask::SemanticMaskLoss, sam3lab::losses::semantic_mask::SemanticMaskOptions>(
      "semantic_mask", "focal and Dice loss of the semantic map against the union of the targets");
}
