#include "plugins/schemes/lora/peft_layout.h"

#include <nlohmann/json.hpp>

#include "plugins/schemes/lora/lora_scheme.h"

namespace sam3lab::schemes::lora {

std::string peft_module(const InjectionPoint& point, const CheckpointLayouts* layouts) {
  const auto names = layouts == nullptr ? std::vector<std::string>{} : layouts->transformers_names(point.weight);
  const auto part = static_cast<std::size_t>(point.first_row / point.out);
  if (part >= names.size()) return point.name;
  const std::string& weight = names[part];
  return weight.substr(0, weight.rfind('.'));
}

NamedTensors peft_names(const std::vector<PointedModule>& modules, const CheckpointLayouts* layouts) {
  NamedTensors named;
  for (const auto& [point, module] : modules) {
    for (const auto& [name, tensor] : module->parameters())
      named.emplace_back("base_model.model." + peft_module(point, layouts) + "." + name, tensor);
  }
  return named;
}

std::string peft_config(const std::vector<InjectionPoint>& points, const LoraOptions& options,
                        const CheckpointLayouts* layouts) {
  nlohmann::ordered_json config;
  config["peft_type"] = "LORA";
  config["base_model_name_or_path"] = nullptr;
  config["task_type"] = nullptr;
  config["inference_mode"] = true;
  config["r"] = options.rank;
  config["lora_alpha"] = options.alpha;
  config["lora_dropout"] = options.dropout;
  config["use_rslora"] = options.rank_stabilised;
  config["bias"] = "none";
  config["fan_in_fan_out"] = false;
  config["init_lora_weights"] = true;
  config["modules_to_save"] = nullptr;
  // One regular expression: PEFT takes a name in a list for a suffix, too, and "text_projection" would also be
  // "text_encoder.text_projection".
  std::string all;
  for (const auto& point : points) {
    all += all.empty() ? "" : "|";
    for (const char c : peft_module(point, layouts)) all += c == '.' ? std::string("\\.") : std::string(1, c);
  }
  config["target_modules"] = all;
  return config.dump(2) + "\n";
}

}  // namespace sam3lab::schemes::lora
