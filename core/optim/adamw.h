// AdamW (Loshchilov and Hutter 2019) over the groups of a scheme, as torch.optim.AdamW computes it.
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
  bool half_moments = false;  // in bfloat16 with stochastic rounding: half the memory (see docs/reference/performance.md)
  // Folder of a file for float32 moments of parameters on the CPU with at least `on_disk_from` bytes; empty: all in memory.
  std::filesystem::path disk = {};
  std::int64_t on_disk_from = std::int64_t{4} << 20;
};

class AdamW {
 public:
  // Of which parameters are the moments kept here, and updated by step()? By group and place in it; nothing: of all.
  using Here = std::function<bool(std::size_t group, std::size_t i)>;
  AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options, const Here& here = {});
  // One update with every group's rate times `factor`, or each group's times its own. Parameters without a gradient are left
  // alone.
  void step(double factor);
  void step(const std::vector<double>& factors);
  void clear_gradients();
  // With moments on disk: where a pass begins, and where only its backward half is left, which gives memory back. An update
  // then frees each gradient as it takes it, unless other processes need to know which there were.
  void begin_pass();
  void expect_update();
  // Norm of all gradients together. The next step() takes them scaled down to `largest` if it exceeds that (0: measured only);
  // the gradients themselves stay as they are.
  double clip(double largest);
  [[nodiscard]] const std::vector<ParameterGroup>& groups() const { return groups_; }
  // Moments and step counts for a training checkpoint, live: "first.NAME", "second.NAME", "steps.NAME" of each parameter here.
  [[nodiscard]] Tensors state() const;
  // Takes over what state() gave. Throws DataError where a tensor is missing or has another shape or type.
  void restore(const Tensors& state);

 private:
  struct Moments {
    at::Tensor first, second, steps;  // undefined: kept elsewhere
    std::optional<std::size_t> slot;  // in disk_; first and second are then undefined
  };
  void add_moments(const at::Tensor& parameter, std::vector<Moments>& of_group, std::vector<std::int64_t>& on_disk) const;
  [[nodiscard]] Moments in_memory(std::size_t group, std::size_t i) const;
  void update(std::size_t group, const std::vector<std::size_t>& which, double rate);
  void step_exact(std::size_t group, double rate);
  void step_half(std::size_t group, double rate);
  std::vector<ParameterGroup> groups_;
  AdamWOptions options_;
  std::vector<std::vector<Moments>> moments_;  // beside groups_
  double scale_ = 1.0;                         // of gradients in the next step
  bool all_here_ = true;
  std::unique_ptr<OptimizerOffload> disk_;
  std::int64_t passes_ = 0;
  std::int64_t without_gradients_ = 0;  // bytes in use where the pass began, moments left out
  std::int64_t most_ = 0;               // bytes that may be in use; 0: not known yet
};

}  // namespace sam3lab
