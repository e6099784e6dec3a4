// From a copy's share of a step to gradients in its parameters.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/scheme.h>

#include "core/train/criterion.h"
#include "core/train/shard.h"

namespace sam3lab {

struct PassOptions {
  std::optional<at::ScalarType> type = std::nullopt;  // of matrix products and activations; nothing: float32
  std::uint64_t seed = 0;                             // of the run
  std::int64_t step = 0;
  std::size_t copy = 0;
  double num_boxes = 1.0;                         // losses are divided by it
  double factor = 1.0;                            // of the loss before its backward pass
  std::function<void()> only_backward_left = {};  // called when the last forward pass is done
};

struct PassResult {
  CriterionResult loss;
  bool random = false;  // the model drew random numbers (dropout)
};

// Adds the gradients of the share's loss times `factor` to those of the parameters, and returns the loss. With parts
// (accumulation) the gradients are those of the whole share at once, whatever the losses are: all parts go forward without
// gradient, the loss is computed on their joined outputs, and each part goes forward once more to take its share of the loss's
// gradient; random numbers are equal both times. Nothing goes backward where the loss is not finite.
PassResult add_gradients(Backbone& model, const TrainableSet& trainable, const Criterion& criterion, const Shard& shard,
                         const PassOptions& options);

// Sums the gradients of all copies into the first one's and takes them away from the others. They have the factor 1 / copies
// already, so that the sum is their mean.
void average_gradients(const std::vector<TrainableSet>& trainable_sets);

}  // namespace sam3lab
