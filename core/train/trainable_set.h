// The scheme of an experiment on all copies of its model.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/config/experiment.h"
#include "core/registry/registry.h"
#include "core/train/model.h"

namespace sam3lab {

// One TrainableSet a copy; what the scheme added has one memory for all of them, as the weights have, and comes from
// checkpoint.adapter where that is set. UsageError where nothing trains, and where checkpoint.merge asks for what the scheme
// cannot do; DataError where the adapter does not fit.
std::vector<TrainableSet> make_trainable_sets(Model& model, const Experiment& experiment, const Registry& registry,
                                              std::uint64_t seed);

// The same for a model that does not train: what is in checkpoint.adapter, hung in by the scheme that made it.
std::vector<TrainableSet> attach_adapters(Model& model, const Experiment& experiment, const Registry& registry);

std::int64_t trainable_parameters(const TrainableSet& trainable);  // numbers, not tensors

}  // namespace sam3lab
