// Adapters as the PEFT library reads them: adapter_model.safetensors with "base_model.model.<module>.lora_A.weight" [r, in] and
// "lora_B.weight" [out, r], and adapter_config.json. <module> is a layer of the model as transformers has it, where queries,
// keys and values are layers of their own. The backbone says its name (CheckpointLayouts::transformers_names); `layouts` null,
// or no equal there: the layer's own name.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/adapter_modules.h"

namespace sam3lab::schemes::lora {

struct LoraOptions;

[[nodiscard]] std::string peft_module(const InjectionPoint& point, const CheckpointLayouts* layouts);
[[nodiscard]] NamedTensors peft_names(const std::vector<PointedModule>& modules, const CheckpointLayouts* layouts);
[[nodiscard]] std::string peft_config(const std::vector<InjectionPoint>& points, const LoraOptions& options,
                                      const CheckpointLayouts* layouts);

}  // namespace sam3lab::schemes::lora
