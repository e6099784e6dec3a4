#include "plugins/schemes/head_only/head_only_scheme.h"

#include <set>

namespace sam3lab::schemes::head_only {

TrainableSet HeadOnlyScheme::prepare(Backbone& model, const SchemeInput& input) const {
  freeze(model);
  const auto parameters = model.parameters();
  const auto names = matching(names_of(parameters), options_.trains, "[scheme] trains");
  const std::set<std::string> heads(names.begin(), names.end());
  if (heads.empty())
    throw UsageError(
        Fault{"[scheme] trains", "names nothing", "", "at least one pattern", "to train nothing: use = \"frozen\""});
  NamedTensors chosen;
  for (const auto& parameter : parameters) {
    if (heads.contains(parameter.first)) chosen.push_back(parameter);
  }
  RateRule rule;
  rule.decay_vectors = options_.decay_norms_and_biases;
  add_patterns(options_.patterns, options_.pattern_scales, rule);
  TrainableSet trainable;
  trainable.groups = parameter_groups(model, chosen, rule, input);
  return trainable;
}

}  // namespace sam3lab::schemes::head_only
