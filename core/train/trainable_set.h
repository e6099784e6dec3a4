// Applies the scheme of an experiment to all replicas of its model.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/config/experiment.h"
#include "core/registry/registry.h"
#include "core/train/model.h"

namespace sam3lab {

// One TrainableSet per replica. Replicas share the memory of the parameters that the scheme adds, as they share the weights.
// The added parameters are read from checkpoint.adapter where that is set. UsageError where nothing trains, and where
// checkpoint.merge is set but the scheme cannot merge; DataError where the adapter does not fit.
std::vector<TrainableSet> make_trainable_sets(Model& model, const Experiment& experiment, const Registry& registry,
                                              std::uint64_t seed);

// For a model that does not train: attaches the adapter modules of checkpoint.adapter with the scheme that made them.
std::vector<TrainableSet> attach_adapters(Model& model, const Experiment& experiment, const Registry& registry);

std::int64_t trainable_parameters(const TrainableSet& trainable);  // number of elements, not of tensors

}  // namespace sam3lab
