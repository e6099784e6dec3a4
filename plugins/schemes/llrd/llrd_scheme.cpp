#include "plugins/schemes/llrd/llrd_scheme.h"

namespace sam3lab::schemes::llrd {

Tuning LlrdScheme::prepare(Backbone& model, const SchemeInput& input) const {
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  Tuning tuning;
  tuning.groups = parameter_groups(model, model.parameters(), rule, input);
  return tuning;
}

}  // namespace sam3lab::schemes::llrd
