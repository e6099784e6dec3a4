// AdamW (Loshchilov and Hutter 2019) over the groups of a scheme, as torch.optim.AdamW computes it.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/tensor/tensors.h"

namespace sam3lab {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

class AdamW {
 public:
  AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options);
  // One update with every group's rate times `factor`. Parameters without a gradient are left alone.
  void step(double factor);
  void clear_gradients();
  // Norm of all gradients together; they are scaled down to `largest` if it exceeds that (0: measured only).
  double clip(double largest);
  [[nodiscard]] const std::vector<ParameterGroup>& groups() const { return groups_; }
  // Moments and step counts for a training checkpoint, live: "first.NAME", "second.NAME", "steps.NAME" of each parameter.
  [[nodiscard]] Tensors state() const;
  // Takes over what state() gave. Throws DataError where a tensor is missing or has another shape or type.
  void restore(const Tensors& state);

 private:
  struct Moments {
    at::Tensor first, second, steps;
  };
  std::vector<ParameterGroup> groups_;
  AdamWOptions options_;
  std::vector<std::vector<Moments>> moments_;  // beside groups_
};

}  // namespace sam3lab
