#include "plugins/schemes/lora/lora_scheme.h"

SAM3LAB_PLUGIN(lora) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::lora::LoraScheme, sam3lab::schemes::lora::LoraOptions>(
      "lora", "low-rank updates of frozen linear layers train (LoRA)");
}
