#include "plugins/schemes/bitfit/bitfit_scheme.h"

#include <set>

#include <ATen/ATen.h>

namespace sam3lab::schemes::bitfit {

TrainableSet BitfitScheme::prepare(Backbone& model, const SchemeInput& input) const {
  freeze(model);
  const auto parameters = model.parameters();
  const auto further = matching(names_of(parameters), options_.also, "[scheme] also");
  const std::set<std::string> also(further.begin(), further.end());
  NamedTensors chosen;
  for (const auto& [name, tensor] : parameters) {
    const bool bias = name.ends_with("bias");
    const bool norm = options_.norms && tensor.dim() == 1 && name.ends_with(".weight");
    if (bias || norm || also.contains(name)) chosen.emplace_back(name, tensor);
  }
  if (chosen.empty()) {
    throw UsageError(Fault{"[scheme]", "this model has no parameters that 'bitfit' trains", "", "names that end in \"bias\"",
                           "set scheme.also, or choose another scheme"});
  }
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  TrainableSet trainable;
  trainable.groups = parameter_groups(model, chosen, rule, input);
  return trainable;
}

}  // namespace sam3lab::schemes::bitfit
