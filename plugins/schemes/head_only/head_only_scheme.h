// Trains the heads: query decoder, scoring and mask heads. All modules before them are frozen, the fusion encoder included, so
// that their results for an image and a prompt can be cached.
#pragma once
#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::head_only {

struct HeadOnlyOptions {
  Texts trains = {"transformer.decoder.*", "dot_prod_scoring.*", "segmentation_head.*"};
  Texts patterns;
  Numbers pattern_scales;
  bool decay_norms_and_biases = false;
  template <class V>
  void visit(V&& v) {
    v("trains", trains, about("shell patterns of the parameters that train; each must match at least one"));
    v("patterns", patterns, about("patterns of trained parameters with a scale of their own; the last match counts"));
    v("pattern_scales", pattern_scales, at_least(0.0).about("scale of train.learning_rate for each pattern"));
    v("decay_norms_and_biases", decay_norms_and_biases, about("apply weight decay to vectors (norms, biases) as well"));
  }
};

class HeadOnlyScheme final : public Scheme {
 public:
  explicit HeadOnlyScheme(const HeadOnlyOptions& options) : options_(options) {}
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  HeadOnlyOptions options_;
};

}  // namespace sam3lab::schemes::head_only
