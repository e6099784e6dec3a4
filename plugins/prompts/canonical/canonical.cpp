#include <sam3lab/plugin.h>

#include "plugins/prompts/canonical/canonical_prompt.h"

SAM3LAB_PLUGIN(canonical) {
  reg.add<sam3lab::Prompt, sam3lab::prompts::canonical::CanonicalPrompt, sam3lab::prompts::canonical::CanonicalOptions>(
      "canonical", "one text a label, from a dictionary; asks for what an image shows");
}
