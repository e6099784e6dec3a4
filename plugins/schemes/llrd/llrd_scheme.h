// Trains all parameters. In parts of the model with layers, earlier layers have a lower learning rate (layer-wise learning-rate
// decay).
#pragma once
#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::llrd {

struct LlrdOptions {
  RateOptions rates;
  LayerDecayOptions layers{.layer_decay = 0.9};
  template <class V>
  void visit(V&& v) {
    rates.visit(v);
    layers.visit(v);
  }
};

class LlrdScheme final : public Scheme {
 public:
  explicit LlrdScheme(const LlrdOptions& options) : options_(options) {}
  // Groups as in plugins/schemes/shared/parameter_groups.h.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  LlrdOptions options_;
};

}  // namespace sam3lab::schemes::llrd
