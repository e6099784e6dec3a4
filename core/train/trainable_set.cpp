#include "core/train/trainable_set.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/tensor/on_device.h"

#include "core/train/adapter.h"
#include "core/optim/constant_rate.h"

namespace sam3lab {
namespace {

// For the teacher of a distillation: evaluation mode, no gradients.
std::shared_ptr<Backbone> make_other(const Experiment& experiment, const Registry& registry, std::uint64_t seed,
                                     c10::Device device, const OptionValues& options, const std::string& checkpoint) {
  auto choice = experiment.backbone;
  for (const auto& [name, value] : options) choice.options[name] = value;
  auto model = registry.make<Backbone>(choice);
  model->initialise(seed);
  if (!checkpoint.empty()) {
    CheckpointOptions load;
    load.load = checkpoint;
    (void)load_weights(*model, load);
  }
  if (!device.is_cpu()) model->move(device);
  for (auto& [name, parameter] : model->parameters()) parameter.requires_grad_(false);
  model->train(false);
  return model;
}

void shard(const TrainableSet& from, const TrainableSet& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.added.size(); ++i) to.added[i].second.set_data(from.added[i].second);
  for (std::size_t g = 0; g < from.groups.size(); ++g) {
    const auto& source = from.groups[g].parameters;
    const auto& target = to.groups[g].parameters;
    for (std::size_t i = 0; i < source.size(); ++i) target[i].second.set_data(source[i].second);
  }
}

std::vector<TrainableSet> prepare_all(Model& model, const PluginChoice& choice, const Experiment& experiment,
                                      const Registry& registry, std::uint64_t seed) {
  const auto scheme = registry.make<Scheme>(choice);
  const SchemeInput input{experiment.train.learning_rate, experiment.train.weight_decay, seed,
                          [&](const OptionValues& options, const std::string& checkpoint) {
                            return make_other(experiment, registry, seed, device_of(*model.replicas.front()), options,
                                              checkpoint);
                          }};
  std::vector<TrainableSet> trainable_sets;
  for (const auto& copy : model.replicas) trainable_sets.push_back(scheme->prepare(*copy, input));
  for (std::size_t c = 1; c < trainable_sets.size(); ++c) shard(trainable_sets.front(), trainable_sets[c]);
  return trainable_sets;
}

void refuse_unmergeable(const TrainableSet& trainable, const PluginChoice& scheme, const Experiment& experiment) {
  if (!experiment.checkpoint.merge || trainable.added.empty() || trainable.merge) return;
  throw UsageError(Fault{scheme.where, fmt::format("what scheme '{}' adds cannot be merged into the weights", scheme.use),
                         "checkpoint.merge = true", "checkpoint.merge = false", ""});
}

void refuse_useless(const TrainableSet& trainable, const Experiment& experiment) {
  const auto& scheme = experiment.scheme;
  if (trainable_parameters(trainable) == 0) {
    throw UsageError(Fault{scheme.where, fmt::format("scheme '{}' leaves nothing to train", scheme.use),
                           fmt::format("train.steps = {}", experiment.train.steps), "trainable parameters",
                           "set train.steps = 0 to evaluate only"});
  }
  refuse_unmergeable(trainable, scheme, experiment);
}

void refuse_other_scheme(const PluginChoice& saved, const PluginChoice& mine) {
  if (saved.use == mine.use) return;
  throw UsageError(Fault{mine.where, "another scheme made what checkpoint.adapter holds", fmt::format("scheme '{}'", mine.use),
                         fmt::format("'{}'", saved.use),
                         "merge it into the weights first: a run with train.steps = 0 and checkpoint.merge = true"});
}

void refuse_large_sides(const Backbone& model, const Experiment& experiment) {
  if (experiment.augment.smallest_side <= model.image_size()) return;
  throw UsageError(Fault{"augment.smallest_side", "exceeds the images that the model reads",
                         std::to_string(experiment.augment.smallest_side), fmt::format("at most {}", model.image_size()),
                         "0 resizes to the model's square"});
}

}  // namespace

std::int64_t trainable_parameters(const TrainableSet& trainable) {
  std::int64_t count = 0;
  for (const auto& group : trainable.groups) {
    for (const auto& [name, parameter] : group.parameters) count += parameter.numel();
  }
  return count;
}

std::vector<TrainableSet> make_trainable_sets(Model& model, const Experiment& experiment, const Registry& registry,
                                              std::uint64_t seed) {
  const auto& adapter = experiment.checkpoint.adapter;
  if (!adapter.empty()) refuse_other_scheme(saved_scheme(adapter, registry.catalogue()), experiment.scheme);
  auto trainable_sets = prepare_all(model, experiment.scheme, experiment, registry, seed);
  for (auto& trainable : trainable_sets) name_constant_rates(trainable.groups, experiment.train.constant_rate);
  refuse_useless(trainable_sets.front(), experiment);
  refuse_large_sides(*model.replicas.front(), experiment);
  if (!adapter.empty()) load_adapter(trainable_sets.front(), adapter);
  return trainable_sets;
}

std::vector<TrainableSet> attach_adapters(Model& model, const Experiment& experiment, const Registry& registry) {
  const auto& folder = experiment.checkpoint.adapter;
  const auto scheme = saved_scheme(folder, registry.catalogue());
  auto trainable_sets = prepare_all(model, scheme, experiment, registry, 0);
  refuse_unmergeable(trainable_sets.front(), scheme, experiment);
  load_adapter(trainable_sets.front(), folder);
  return trainable_sets;
}

}  // namespace sam3lab
