#include "plugins/schemes/llrd/llrd_scheme.h"

namespace sam3lab::schemes::llrd {

TrainableSet LlrdScheme::prepare(Backbone& model, const SchemeInput& input) const {
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  TrainableSet trainable;
  trainable.groups = parameter_groups(model, model.parameters(), rule, input);
  return trainable;
}

}  // namespace sam3lab::schemes::llrd
