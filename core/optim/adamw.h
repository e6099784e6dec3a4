// AdamW (Loshchilov and Hutter 2019) over the parameter groups of a scheme. Computes what torch.optim.AdamW computes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/tensor/tensors.h"
#include "core/optim/optimizer_offload.h"

namespace sam3lab {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  // Moments in bfloat16 with stochastic rounding, which need half the memory (see docs/reference/performance.md).
  bool half_moments = false;
  // Folder for optimizer-state offload. It takes the float32 moments of each parameter on the CPU that has at least
  // `offload_from` bytes. Empty: all moments stay in memory.
  std::filesystem::path offload = {};
  std::int64_t offload_from = std::int64_t{4} << 20;
};

class AdamW {
 public:
  // Whether this process keeps the moments of parameter `i` of a group and updates it in step(). Empty: of all parameters.
  using Here = std::function<bool(std::size_t group, std::size_t i)>;
  AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options, const Here& here = {});
  // One update. The learning rate of each group is multiplied by `factor`, or by the group's own entry of `factors`. Parameters
  // without a gradient do not change.
  void step(double factor);
  void step(const std::vector<double>& factors);
  void clear_gradients();
  // For optimizer-state offload. Call begin_pass() before the forward pass, and expect_update() when only the backward pass is
  // left, which frees memory: moments are read back from then on. With offload, step() frees each gradient after its use,
  // unless other processes need to know which gradients there were.
  void begin_pass();
  void expect_update();
  // Returns the norm over all gradients. If it exceeds `largest`, the next step() scales the gradients down to that norm; the
  // gradient tensors do not change. With 0 the norm is only measured.
  double clip(double largest);
  [[nodiscard]] const std::vector<ParameterGroup>& groups() const { return groups_; }
  // Moments and step counts for a training checkpoint: "first.NAME", "second.NAME", "steps.NAME" of each parameter kept here.
  // The tensors share memory with the optimizer.
  [[nodiscard]] Tensors state() const;
  // Loads what state() returned. Throws DataError where a tensor is missing or has another shape or type.
  void restore(const Tensors& state);

 private:
  struct Moments {
    at::Tensor first, second, steps;  // undefined: another process keeps them
    std::optional<std::size_t> slot;  // in offload_; first and second are then undefined
  };
  void add_moments(const at::Tensor& parameter, std::vector<Moments>& of_group, std::vector<std::int64_t>& offloaded) const;
  [[nodiscard]] Moments in_memory(std::size_t group, std::size_t i) const;
  void update(std::size_t group, const std::vector<std::size_t>& which, double rate);
  void step_exact(std::size_t group, double rate);
  void step_half(std::size_t group, double rate);
  std::vector<ParameterGroup> groups_;
  AdamWOptions options_;
  std::vector<std::vector<Moments>> moments_;  // of the same shape as groups_
  double scale_ = 1.0;                         // factor of the gradients in the next step
  bool all_here_ = true;
  std::unique_ptr<OptimizerOffload> offload_;
  std::int64_t passes_ = 0;
  std::int64_t without_gradients_ = 0;  // bytes in use when the pass began, without the moments
  std::int64_t most_ = 0;               // bytes that may be in use; 0: not known yet
};

}  // namespace sam3lab
