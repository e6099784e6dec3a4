#include <sam3lab/plugin.h>

#include "plugins/prompts/negative/absent.h"

SAM3LAB_PLUGIN(negative) {
  reg.add<sam3lab::Prompt, sam3lab::prompts::negative::NegativePrompt, sam3lab::prompts::negative::NegativeOptions>(
      "negative", "asks for concepts that an image does not show");
}
