// Exponential moving average of the trained weights (Polyak and Juditsky 1992). After each step,
// average = d average + (1 - d) weight, where d is the decay.
#pragma once
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/tensor/tensors.h"

namespace sam3lab {

class MovingAverage {
 public:
  // Starts from the current weights. With a `decay` of 0 there is no average, and all calls do nothing.
  MovingAverage(const std::vector<ParameterGroup>& groups, double decay);
  void update();
  // Exchanges the model's weights with the averages. A second call exchanges them back.
  void exchange();
  [[nodiscard]] Tensors state() const;  // "average.NAME"; the tensors share memory with this object
  void restore(const Tensors& state);   // throws DataError if a tensor is missing or has another shape

 private:
  double decay_;
  NamedTensors weights_;
  std::vector<at::Tensor> averages_;  // in the order of weights_
};

}  // namespace sam3lab
