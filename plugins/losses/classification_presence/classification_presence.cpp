#include "plugins/losses/classification_presence/classification_presence_loss.h"

SAM3LAB_PLUGIN(classification_presence) {
  reg.add<sam3lab::Loss, sam3lab::losses::classification_presence::ClassificationPresence,
          sam3lab::losses::classification_presence::ClassificationPresenceOptions>(
      "classification_presence", "IoU-aware classification of object queries, and presence of the prompt in its image");
}
