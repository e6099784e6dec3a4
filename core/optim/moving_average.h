// Exponential moving average of what trains (Polyak and Juditsky 1992): after each step, average = d average + (1 - d) weight.
#pragma once
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/tensor/tensors.h"

namespace sam3lab {

class MovingAverage {
 public:
  // Starts from the weights as they are. `decay` 0: there is none, and all calls do nothing.
  MovingAverage(const std::vector<ParameterGroup>& groups, double decay);
  void update();
  // Puts the averages in the model and keeps the weights, or the other way round.
  void exchange();
  [[nodiscard]] Tensors state() const;  // "average.NAME", live
  void restore(const Tensors& state);   // throws DataError if a tensor is missing or has another shape

 private:
  double decay_;
  NamedTensors weights_;
  std::vector<at::Tensor> averages_;  // beside weights_
};

}  // namespace sam3lab
