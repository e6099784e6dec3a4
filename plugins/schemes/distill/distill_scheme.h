// Distillation: a smaller student learns from the features and predictions of a larger teacher.
#pragma once
#include <memory>
#include <mutex>

#include <sam3lab/plugin.h>

#include "plugins/schemes/shared/parameter_groups.h"

namespace sam3lab::schemes::distill {

struct DistillOptions {
  std::string teacher_size = "full", teacher_checkpoint;
  std::int64_t teacher_image_size = 0;
  Texts features = {"backbone_fpn.2", "prompt_embedding"};
  double feature = 1.0, presence = 1.0, semantic = 1.0, scores = 1.0, temperature = 2.0, projection = 1.0;
  RateOptions rates;
  LayerDecayOptions layers;
  template <class V>
  void visit(V&& v) {
    v("teacher_size", teacher_size, about("backbone.size of the teacher; its other options are those of [backbone]"));
    v("teacher_checkpoint", teacher_checkpoint, Limits().path().about("its weights; empty: random ones, for trials only"));
    v("teacher_image_size", teacher_image_size,
      at_least(0).unit("px").about("backbone.img_size of the teacher; 0: as in [backbone]. Images are resized to it"));
    v("features", features,
      about("extra tensors of the backbone that the student imitates; the first dimension runs over images or prompts"));
    v("feature", feature, at_least(0.0).about("weight of the feature term"));
    v("presence", presence, at_least(0.0).about("weight of the presence term"));
    v("semantic", semantic, at_least(0.0).about("weight of the semantic map's term"));
    v("scores", scores, at_least(0.0).about("weight of the term of the object queries' scores"));
    v("temperature", temperature, more_than(0.0).about("presence and semantic logits of both models are divided by it"));
    v("projection", projection, more_than(0.0).about("scale of train.learning_rate for the projections of features"));
    rates.visit(v);
    layers.visit(v);
  }
};

class Teacher;

class DistillScheme final : public Scheme {
 public:
  explicit DistillScheme(const DistillOptions& options) : options_(options) {}
  // The groups are those of scheme `full`. Where student and teacher differ in width, the group "distill.projection" has linear
  // maps of the student's features; they are not saved with the student. The terms are "distill_feature", "distill_presence",
  // "distill_semantic" and "distill_scores" (distill_terms.h). Without make_backbone (in a plan) there are neither terms nor
  // projections.
  TrainableSet prepare(Backbone& model, const SchemeInput& input) const override;

 private:
  [[nodiscard]] std::shared_ptr<Teacher> teacher(const SchemeInput& input, Backbone& student) const;

  DistillOptions options_;
  // Replicas of the student share one teacher.
  mutable std::mutex guard_;
  mutable std::shared_ptr<Teacher> teacher_;
};

}  // namespace sam3lab::schemes::distill
