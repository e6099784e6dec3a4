// Every parameter trains, in groups by part of the model.
#pragma once
#include <sam3lab/plugin.h>

namespace sam3lab {

struct FullOptions {
  double vision = 1.0, text = 1.0, transformer = 1.0, segmentation = 1.0, geometry = 1.0, scoring = 1.0;
  double vision_layer_decay = 1.0;
  bool decay_norms_and_biases = false;
  template <class V>
  void visit(V&& v) {
    v("vision", vision, at_least(0.0).about("scale of train.learning_rate for the image encoder and neck"));
    v("text", text, at_least(0.0).about("for the text encoder"));
    v("transformer", transformer, at_least(0.0).about("for the fusion encoder and the query decoder"));
    v("segmentation", segmentation, at_least(0.0).about("for the mask heads"));
    v("geometry", geometry, at_least(0.0).about("for the encoder of box prompts"));
    v("scoring", scoring, at_least(0.0).about("for the scoring of object queries"));
    v("vision_layer_decay", vision_layer_decay,
      more_than(0.0).at_most(1.0).about(
          "further scale decay^(L + 1 - i) for layer i of L image encoder blocks; i = 0 for embeddings"));
    v("decay_norms_and_biases", decay_norms_and_biases, about("apply weight decay to vectors (norms, biases) as well"));
  }
};

class FullScheme final : public Scheme {
 public:
  explicit FullScheme(const FullOptions& options) : options_(options) {}
  // Groups are named "<part>", "vision.layer_<i>" with layer decay, and "<...>.no_decay". Parts with scale 0 do not train.
  Tuning prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  [[nodiscard]] double scale(const ParameterPlace& place) const;
  FullOptions options_;
};

}  // namespace sam3lab
