#include "plugins/schemes/lora/lora_scheme.h"

SAM3LAB_PLUGIN(lora) {
  reg.add<sam3lab::Scheme, sam3lab::LoraScheme, sam3lab::LoraOptions>("lora",
                                                                      "low-rank updates of frozen linear layers train (LoRA)");
}
