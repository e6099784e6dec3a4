#include "plugins/schemes/distill/distill_scheme.h"

#include <cmath>
#include <utility>

#include <ATen/ATen.h>

#include "plugins/schemes/distill/distill_terms.h"
#include "plugins/schemes/shared/adapter_modules.h"

namespace sam3lab::schemes::distill {
namespace {

at::Device device_of(Backbone& model) { return model.parameters().front().second.device(); }

// One grey image with one prompt. The outputs for it show the shapes of a model's features.
Batch smallest_batch(Backbone& model) {
  Batch batch;
  const auto device = device_of(model);
  batch.images = at::zeros({1, 3, model.image_size(), model.image_size()}, at::TensorOptions(at::kFloat).device(device));
  batch.texts = {"object"};
  batch.image_index = at::zeros({1}, at::TensorOptions(at::kLong).device(device));
  return batch;
}

Projections make_projections(Backbone& student, Teacher& teacher, const DistillOptions& options, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const Batch batch = smallest_batch(student);
  student.train(false);
  const Outputs own = student.forward(batch), told = teacher.answer(batch);
  Projections projections;
  for (const auto& name : options.features) {
    const auto from = channels_last(feature_of(own, name)).size(-1), to = channels_last(feature_of(told, name)).size(-1);
    if (from == to) continue;
    const double bound = 1.0 / std::sqrt(static_cast<double>(from));
    projections[name] = {uniform_start(student, {to, from}, bound, seed, "distill.projection." + name),
                         zero_start(student, {to})};
  }
  return projections;
}

}  // namespace

std::shared_ptr<Teacher> DistillScheme::teacher(const SchemeInput& input, Backbone& student) const {
  const std::lock_guard lock(guard_);
  if (teacher_) return teacher_;
  OptionValues replaced{{"size", options_.teacher_size}};
  if (options_.teacher_image_size > 0) replaced["img_size"] = options_.teacher_image_size;
  const auto model = input.make_backbone(replaced, options_.teacher_checkpoint);
  if (const auto device = device_of(student); !device.is_cpu()) model->move(device);
  teacher_ = std::make_shared<Teacher>(model);
  return teacher_;
}

TrainableSet DistillScheme::prepare(Backbone& model, const SchemeInput& input) const {
  auto rule = options_.rates.rule();
  options_.layers.add_to(rule);
  TrainableSet trainable;
  trainable.groups = parameter_groups(model, model.parameters(), rule, input);
  if (!input.make_backbone) return trainable;
  const auto told_by = teacher(input, model);
  const Projections projections = make_projections(model, *told_by, options_, input.seed);
  ParameterGroup group{"distill.projection", {}, input.learning_rate * options_.projection, 0.0};
  for (const auto& [name, projection] : projections) {
    group.parameters.emplace_back("distill.projection." + name + ".weight", projection.weight);
    group.parameters.emplace_back("distill.projection." + name + ".bias", projection.bias);
  }
  if (!group.parameters.empty()) trainable.groups.push_back(std::move(group));
  trainable.terms = [told_by, projections, options = options_](const Batch& batch, const Outputs& outputs) {
    return distill_terms(outputs, told_by->answer(batch), projections, options, batch.targets.ignore);
  };
  return trainable;
}

}  // namespace sam3lab::schemes::distill
