#include "plugins/schemes/full/full_scheme.h"

namespace sam3lab::schemes::full {

TrainableSet FullScheme::prepare(Backbone& model, const SchemeInput& input) const {
  auto rule = options_.rates.rule();
  rule.layer_decay["vision"] = options_.vision_layer_decay;
  TrainableSet trainable;
  trainable.groups = parameter_groups(model, model.parameters(), rule, input);
  return trainable;
}

}  // namespace sam3lab::schemes::full
