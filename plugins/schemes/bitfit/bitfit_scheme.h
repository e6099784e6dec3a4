// Trains only biases (Ben Zaken et al. 2022) and, with an option, the scales of normalisation layers.
#pragma once
#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::bitfit {

struct BitfitOptions {
  bool norms = false;
  Texts also;
  RateOptions rates;
  LayerDecayOptions layers;
  template <class V>
  void visit(V&& v) {
    v("norms", norms, about("train the scales of normalisation layers, too"));
    v("also", also, about("shell patterns of further parameters that train, such as \"dot_prod_scoring.*\""));
    rates.visit(v);
    layers.visit(v);
  }
};

class BitfitScheme final : public Scheme {
 public:
  explicit BitfitScheme(const BitfitOptions& options) : options_(options) {}
  // A bias is a parameter whose name ends in "bias"; the scale of a norm is a ".weight" of one dimension. UsageError if the
  // model has neither.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  BitfitOptions options_;
};

}  // namespace sam3lab::schemes::bitfit
