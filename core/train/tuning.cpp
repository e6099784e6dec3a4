#include "core/train/tuning.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

// For a teacher: evaluation mode, no gradients.
std::shared_ptr<Backbone> make_other(const Experiment& experiment, const Registry& registry, std::uint64_t seed,
                                     const OptionValues& options, const std::string& checkpoint) {
  auto choice = experiment.backbone;
  for (const auto& [name, value] : options) choice.options[name] = value;
  auto model = registry.make<Backbone>(choice);
  model->initialise(seed);
  if (!checkpoint.empty()) {
    CheckpointOptions load;
    load.load = checkpoint;
    (void)load_weights(*model, load);
  }
  for (auto& [name, parameter] : model->parameters()) parameter.requires_grad_(false);
  model->train(false);
  return model;
}

void share(const Tuning& from, const Tuning& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.added.size(); ++i) to.added[i].second.set_data(from.added[i].second);
  for (std::size_t g = 0; g < from.groups.size(); ++g) {
    const auto& source = from.groups[g].parameters;
    const auto& target = to.groups[g].parameters;
    for (std::size_t i = 0; i < source.size(); ++i) target[i].second.set_data(source[i].second);
  }
}

void refuse_useless(const Tuning& tuning, const Experiment& experiment) {
  const auto& scheme = experiment.scheme;
  if (trainable_parameters(tuning) == 0) {
    throw UsageError(Fault{scheme.where, fmt::format("scheme '{}' leaves nothing to train", scheme.use),
                           fmt::format("train.steps = {}", experiment.train.steps), "trainable parameters",
                           "set train.steps = 0 to evaluate only"});
  }
  if (experiment.checkpoint.merge && !tuning.added.empty() && !tuning.merge) {
    throw UsageError(Fault{scheme.where, fmt::format("what scheme '{}' adds cannot be merged into the weights", scheme.use),
                           "checkpoint.merge = true", "checkpoint.merge = false", ""});
  }
}

}  // namespace

std::int64_t trainable_parameters(const Tuning& tuning) {
  std::int64_t count = 0;
  for (const auto& group : tuning.groups) {
    for (const auto& [name, parameter] : group.parameters) count += parameter.numel();
  }
  return count;
}

std::vector<Tuning> tune(Model& model, const Experiment& experiment, const Registry& registry, std::uint64_t seed) {
  const auto scheme = registry.make<Scheme>(experiment.scheme);
  const SchemeInput input{experiment.train.learning_rate, experiment.train.weight_decay, seed,
                          [&](const OptionValues& options, const std::string& checkpoint) {
                            return make_other(experiment, registry, seed, options, checkpoint);
                          }};
  std::vector<Tuning> tunings;
  for (const auto& copy : model.copies) tunings.push_back(scheme->prepare(*copy, input));
  refuse_useless(tunings.front(), experiment);
  for (std::size_t c = 1; c < tunings.size(); ++c) share(tunings.front(), tunings[c]);
  return tunings;
}

}  // namespace sam3lab
