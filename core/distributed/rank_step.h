// What the ranks of a run do together in a training step, and how AdamW's moments are dealt out to them.
#pragma once
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/scheme.h>

#include "core/record/run_record.h"
#include "core/tensor/tensors.h"
#include "core/distributed/ranks.h"

namespace sam3lab {

// Every rank starts from the weights of rank 0.
void broadcast_weights(const Ranks& ranks, Backbone& model, const std::vector<ParameterGroup>& groups);

// The sum over all ranks, in every one of them. A parameter has a gradient afterwards if it had one anywhere.
void sum_gradients(const Ranks& ranks, const std::vector<ParameterGroup>& groups);

// Loss and terms, summed over all ranks: the same bits everywhere.
void sum_row(const Ranks& ranks, StepRow& row);

// ZeRO-1 (Rajbhandari et al. 2020): each rank keeps the moments of its part of the parameters, updates these, and hands their
// values to the others. No tensor is divided.
class OptimizerShards {
 public:
  OptimizerShards() = default;  // everything is here
  OptimizerShards(const Ranks& ranks, const std::vector<ParameterGroup>& groups);

  [[nodiscard]] bool here(std::size_t group, std::size_t i) const;
  [[nodiscard]] int owner(std::size_t group, std::size_t i) const { return owners_.empty() ? 0 : owners_[group][i]; }
  // After an update: the new values of parameters with a gradient, from their owners.
  void broadcast_updated(const std::vector<ParameterGroup>& groups) const;
  // Moments of all parameters ("first.NAME", ...) in rank 0; in the others their own. `own` is what AdamW::state() gives.
  [[nodiscard]] Tensors collect(const std::vector<ParameterGroup>& groups, const Tensors& own) const;

 private:
  const Ranks* ranks_ = nullptr;
  std::vector<std::vector<int>> owners_;  // beside the groups; empty: nothing is dealt out
};

}  // namespace sam3lab
