// Adapters as the PEFT library reads them: adapter_model.safetensors with "base_model.model.<module>.lora_A.weight" [r, in] and
// "lora_B.weight" [out, r], and adapter_config.json. <module> is a layer of transformers' `Sam3Model`, where queries, keys and
// values are layers of their own; the layer's own name here where the port of transformers has no equal.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/adapter_modules.h"

namespace sam3lab::schemes::lora {

struct LoraOptions;

[[nodiscard]] std::string peft_module(const InjectionPoint& port);
[[nodiscard]] NamedTensors peft_names(const std::vector<Hung>& hung);
[[nodiscard]] std::string peft_config(const std::vector<InjectionPoint>& ports, const LoraOptions& options);

}  // namespace sam3lab::schemes::lora
