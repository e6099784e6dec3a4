// Computes the gradients of one step from the shard of one replica.
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
  std::optional<at::ScalarType> type = std::nullopt;  // of matrix products and activations; empty: float32
  std::uint64_t seed = 0;                             // of the run
  std::int64_t step = 0;
  std::size_t replica = 0;                        // number of the replica among those of all ranks
  double num_boxes = 1.0;                         // losses are divided by it
  double factor = 1.0;                            // the loss is multiplied with it before the backward pass
  std::function<void()> only_backward_left = {};  // called after the last forward pass
};

struct PassResult {
  CriterionResult loss;
  bool random = false;  // the model drew random numbers (dropout)
};

// Multiplies the loss of the shard with `factor`, adds its gradients to those of the parameters, and returns the loss. With
// micro-batches (accumulation) the gradients are those of the whole shard, for any loss: all micro-batches go forward without
// gradient, the loss is computed on their joined outputs, and each micro-batch goes forward again to pass on its part of the
// gradient. The random numbers are equal both times. If the loss is not finite, there is no backward pass.
PassResult add_gradients(Backbone& model, const TrainableSet& trainable, const Criterion& criterion, const Shard& shard,
                         const PassOptions& options);

// Adds the gradients of all replicas to those of the first, and clears those of the others. The losses have been multiplied
// with 1 / replicas, so the sum is the mean.
void average_gradients(const std::vector<TrainableSet>& trainable_sets);

}  // namespace sam3lab
