// Trains all parameters, in groups by part of the model.
#pragma once
#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::full {

struct FullOptions {
  RateOptions rates;
  double vision_layer_decay = 1.0;
  template <class V>
  void visit(V&& v) {
    rates.visit(v);
    v("vision_layer_decay", vision_layer_decay,
      more_than(0.0).at_most(1.0).about(
          "further scale decay^(L + 1 - i) for layer i of L image encoder blocks; i = 0 for embeddings"));
  }
};

class FullScheme final : public Scheme {
 public:
  explicit FullScheme(const FullOptions& options) : options_(options) {}
  // Groups as in plugins/schemes/shared/parameter_groups.h. A part with a scale of 0 does not train.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  FullOptions options_;
};

}  // namespace sam3lab::schemes::full
