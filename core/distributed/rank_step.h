// What the ranks of a run exchange in a training step, and which rank keeps which of AdamW's moments.
#pragma once
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/scheme.h>

#include "core/record/run_record.h"
#include "core/tensor/tensors.h"
#include "core/distributed/ranks.h"

namespace sam3lab {

// Sends the weights of rank 0 to all ranks.
void broadcast_weights(const Ranks& ranks, Backbone& model, const std::vector<ParameterGroup>& groups);

// Sums the gradients over all ranks; each rank gets the sum. A parameter has a gradient afterwards if it had one in any rank.
void sum_gradients(const Ranks& ranks, const std::vector<ParameterGroup>& groups);

// Sums loss and terms over all ranks. Each rank gets the same bits.
void sum_row(const Ranks& ranks, StepRow& row);

// ZeRO-1 (Rajbhandari et al. 2020): each rank keeps the moments of some parameters, updates these, and sends their values to
// the other ranks. No tensor is divided.
class OptimizerShards {
 public:
  OptimizerShards() = default;  // this process keeps all moments
  OptimizerShards(const Ranks& ranks, const std::vector<ParameterGroup>& groups);

  [[nodiscard]] bool here(std::size_t group, std::size_t i) const;
  [[nodiscard]] int owner(std::size_t group, std::size_t i) const { return owners_.empty() ? 0 : owners_[group][i]; }
  // After an update: owners send the new values of the parameters that have a gradient.
  void broadcast_updated(const std::vector<ParameterGroup>& groups) const;
  // Rank 0 gets the moments of all parameters ("first.NAME", ...), other ranks only their own. `own`: from AdamW::state().
  [[nodiscard]] Tensors collect(const std::vector<ParameterGroup>& groups, const Tensors& own) const;

 private:
  const Ranks* ranks_ = nullptr;
  std::vector<std::vector<int>> owners_;  // rank of each parameter of each group; empty: nothing is distributed
};

}  // namespace sam3lab
