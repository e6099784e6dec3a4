// The heads train: query decoder, scoring and mask heads. Everything before them stays as it is, the fusion encoder included,
// so that what it computes for an image and a prompt can be kept.
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
    v("trains", trains, about("shell patterns of the parameters that train; each must match something"));
    v("patterns", patterns, about("parameters with a scale of their own, of those that train; the last match counts"));
    v("pattern_scales", pattern_scales, at_least(0.0).about("of each pattern: scale of train.learning_rate"));
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
