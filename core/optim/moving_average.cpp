#include "core/optim/moving_average.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <sam3lab/api/error.h>

namespace sam3lab {

MovingAverage::MovingAverage(const std::vector<ParameterGroup>& groups, double decay) : decay_(decay) {
  if (decay == 0.0) return;
  for (const auto& group : groups) {
    for (const auto& [name, weight] : group.parameters) {
      weights_.emplace_back(name, weight);
      averages_.push_back(weight.detach().clone());
    }
  }
}

void MovingAverage::update() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights_.size(); ++i) averages_[i].lerp_(weights_[i].second, 1.0 - decay_);
}

void MovingAverage::exchange() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    // Values are exchanged, not memory: other replicas of the model share the memory of the weights.
    const auto weight = weights_[i].second.clone();
    weights_[i].second.copy_(averages_[i]);
    averages_[i].copy_(weight);
  }
}

Tensors MovingAverage::state() const {
  Tensors state;
  for (std::size_t i = 0; i < weights_.size(); ++i) state["average." + weights_[i].first] = averages_[i];
  return state;
}

void MovingAverage::restore(const Tensors& state) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const auto found = state.find("average." + weights_[i].first);
    if (found == state.end() || found->second.sizes() != averages_[i].sizes()) {
      throw DataError(Fault{"training checkpoint", "the moving average does not fit", weights_[i].first, "",
                            "start the run again without --resume"});
    }
    averages_[i].copy_(found->second);
  }
}

}  // namespace sam3lab
