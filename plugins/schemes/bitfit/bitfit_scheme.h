// Only biases train (Ben Zaken et al. 2022), and the scales of norms where asked.
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
    v("norms", norms, about("the scales of normalisation layers train too"));
    v("also", also, about("shell patterns of further parameters that train, such as \"dot_prod_scoring.*\""));
    rates.visit(v);
    layers.visit(v);
  }
};

class BitfitScheme final : public Scheme {
 public:
  explicit BitfitScheme(const BitfitOptions& options) : options_(options) {}
  // A bias is a parameter whose name ends in "bias"; a norm's scale, a ".weight" of one dimension. UsageError for a model that
  // has neither.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  BitfitOptions options_;
};

}  // namespace sam3lab::schemes::bitfit
