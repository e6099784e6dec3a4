#include "plugins/schemes/full/full_scheme.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace sam3lab {

double FullScheme::scale(const ParameterPlace& place) const {
  if (place.part == "vision") {
    const double depth = place.layers == 0 ? 0.0 : static_cast<double>(place.layers + 1 - place.layer);
    return options_.vision * std::pow(options_.vision_layer_decay, depth);
  }
  if (place.part == "text") return options_.text;
  if (place.part == "transformer") return options_.transformer;
  if (place.part == "segmentation") return options_.segmentation;
  if (place.part == "geometry") return options_.geometry;
  if (place.part == "scoring") return options_.scoring;
  return 1.0;
}

Tuning FullScheme::prepare(Backbone& model, const SchemeInput& input) const {
  Tuning tuning;
  auto& groups = tuning.groups;
  for (auto& [name, tensor] : model.parameters()) {
    const auto place = model.place(name);
    const double factor = scale(place);
    tensor.requires_grad_(factor > 0.0);
    if (factor == 0.0) continue;
    const bool decays = options_.decay_norms_and_biases || tensor.dim() > 1;
    std::string group = place.part;
    if (place.part == "vision" && options_.vision_layer_decay < 1.0) group += ".layer_" + std::to_string(place.layer);
    if (!decays) group += ".no_decay";
    auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.name == group; });
    if (found == groups.end()) {
      groups.push_back({group, {}, input.learning_rate * factor, decays ? input.weight_decay : 0.0});
      found = groups.end() - 1;
    }
    found->parameters.emplace_back(name, tensor);
  }
  return tuning;
}

}  // namespace sam3lab
