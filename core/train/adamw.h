// AdamW (Loshchilov and Hutter 2019) over the groups of a scheme, as torch.optim.AdamW computes it.
#pragma once
#include <cstdint>
#include <vector>

#include <sam3lab/api/scheme.h>

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

 private:
  struct Moments {
    at::Tensor first, second, steps;
  };
  std::vector<ParameterGroup> groups_;
  AdamWOptions options_;
  std::vector<std::vector<Moments>> moments_;  // beside groups_
};

}  // namespace sam3lab
