#include "core/optim/adamw.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <sam3lab/api/error.h>

#include "core/tensor/caching_allocator.h"
#include "core/optim/adamw_update.h"
#include "core/optim/cuda_kernels.h"
#include "core/tensor/parallel_for.h"

namespace sam3lab {

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options, const Here& here)
    : groups_(std::move(groups)), options_(options) {
  std::vector<std::int64_t> offloaded;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    auto& of_group = moments_.emplace_back();
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      if (here && !here(g, i)) {
        of_group.emplace_back();
        all_here_ = false;
      } else {
        add_moments(groups_[g].parameters[i].second, of_group, offloaded);
      }
    }
  }
  if (!offloaded.empty()) offload_ = std::make_unique<OptimizerOffload>(options_.offload, std::move(offloaded));
}

void AdamW::add_moments(const at::Tensor& parameter, std::vector<Moments>& of_group,
                        std::vector<std::int64_t>& offloaded) const {
  const auto type = options_.half_moments ? at::kBFloat16 : parameter.scalar_type();
  // LibTorch's kernel needs the step count on its own device; step_half() reads it on the CPU.
  const auto counts = options_.half_moments ? c10::Device(at::kCPU) : parameter.device();
  const auto steps = at::zeros({}, at::TensorOptions(at::kFloat).device(counts));
  if (!options_.offload.empty() && type == at::kFloat && parameter.is_cpu() && parameter.is_contiguous() &&
      static_cast<std::int64_t>(parameter.nbytes()) >= options_.offload_from) {
    of_group.push_back({{}, {}, steps, offloaded.size()});
    offloaded.push_back(parameter.numel());
    return;
  }
  const auto zeros = [&] { return at::zeros_like(parameter, parameter.options().dtype(type).requires_grad(false)); };
  of_group.push_back({zeros(), zeros(), steps, {}});
}

AdamW::Moments AdamW::in_memory(std::size_t group, std::size_t i) const {
  Moments moments = moments_[group][i];
  if (!moments.slot) return moments;
  const auto& shape = groups_[group].parameters[i].second.sizes();
  auto [first, second] = offload_->take(*moments.slot);
  moments.first = first.view(shape);
  moments.second = second.view(shape);
  return moments;
}

void AdamW::step(double factor) { step(std::vector<double>(groups_.size(), factor)); }

void AdamW::step(const std::vector<double>& factors) {
  const at::NoGradGuard no_grad;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const double rate = groups_[g].learning_rate * factors[g];
    if (options_.half_moments) {
      step_half(g, rate);
    } else {
      step_exact(g, rate);
    }
  }
  scale_ = 1.0;
}

void AdamW::step_exact(std::size_t group, double rate) {
  std::vector<std::size_t> in_memory, offloaded;
  for (std::size_t i = 0; i < groups_[group].parameters.size(); ++i) {
    if (!groups_[group].parameters[i].second.grad().defined() || !moments_[group][i].steps.defined()) continue;
    (moments_[group][i].slot ? offloaded : in_memory).push_back(i);
  }
  if (!in_memory.empty()) update(group, in_memory, rate);
  for (const auto i : offloaded) {
    update(group, {i}, rate);
    if (all_here_) groups_[group].parameters[i].second.mutable_grad() = at::Tensor();
    offload_->put(*moments_[group][i].slot);
  }
}

void AdamW::update(std::size_t group, const std::vector<std::size_t>& which, double rate) {
  std::vector<at::Tensor> parameters, gradients, first, second, largest, steps;
  for (const auto i : which) {
    const auto& parameter = groups_[group].parameters[i].second;
    const auto moments = in_memory(group, i);
    parameters.push_back(parameter);
    gradients.push_back(parameter.grad());
    first.push_back(moments.first);
    second.push_back(moments.second);
    steps.push_back(moments.steps);
  }
  at::_foreach_add_(steps, 1);
  std::optional<at::Tensor> divisor;  // the kernel scales gradients as it reads them
  if (scale_ < 1.0) divisor = at::full({}, 1.0 / scale_, steps.front().options());
  at::_fused_adamw_(parameters, gradients, first, second, largest, steps, rate, options_.beta1, options_.beta2,
                    groups_[group].weight_decay, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false, divisor,
                    std::nullopt);
}

void AdamW::step_half(std::size_t group, double rate) {
  const auto threads = static_cast<std::size_t>(at::get_num_threads());
  for (std::size_t i = 0; i < groups_[group].parameters.size(); ++i) {
    const auto& parameter = groups_[group].parameters[i].second;
    if (!parameter.grad().defined() || !moments_[group][i].steps.defined()) continue;
    auto& moments = moments_[group][i];
    const double t = moments.steps.add_(1).item<double>();
    const AdamWStep step{static_cast<float>(options_.beta1),
                         static_cast<float>(options_.beta2),
                         static_cast<float>(options_.epsilon),
                         static_cast<float>(1.0 - rate * groups_[group].weight_decay),
                         static_cast<float>(rate / (1.0 - std::pow(options_.beta1, t))),
                         static_cast<float>(std::sqrt(1.0 - std::pow(options_.beta2, t))),
                         static_cast<float>(scale_),
                         static_cast<std::uint32_t>(t) * 0x9e3779b9U + static_cast<std::uint32_t>(i)};
    const auto gradient = parameter.grad().contiguous();
    if (!parameter.is_cpu()) {
      adamw_bfloat16_cuda(parameter, gradient, moments.first, moments.second, step);
      continue;
    }
    const std::int64_t count = parameter.numel();
    const auto share = [&](std::size_t part) {
      const auto of = [&](std::size_t p) { return count * static_cast<std::int64_t>(p) / static_cast<std::int64_t>(threads); };
      const std::int64_t from = of(part);
      const auto halves = [from](const at::Tensor& x) { return static_cast<std::uint16_t*>(x.data_ptr()) + from; };
      adamw_bfloat16(parameter.data_ptr<float>() + from, gradient.const_data_ptr<float>() + from, halves(moments.first),
                     halves(moments.second), from, of(part + 1) - from, step);
    };
    if (count < 100000) {
      for (std::size_t part = 0; part < threads; ++part) share(part);
    } else {
      parallel_for(threads, share);
    }
  }
}

void AdamW::begin_pass() {
  if (!offload_) return;
  offload_->leave();
  if (++passes_ == 2) most_ = memory_in_use().most;  // what the first pass needed, without a moment in memory
  without_gradients_ = memory_in_use().now - offload_->bytes_in_memory();
}

// Moments may fill the memory up to the peak of a pass without them. They must leave room for all gradients, which may not be
// computed yet, and for an eighth of that size, which the backward pass needs between two layers.
void AdamW::expect_update() {
  if (!offload_ || most_ == 0) return;
  std::int64_t gradients = 0;
  for (const auto& group : groups_) {
    for (const auto& [name, parameter] : group.parameters) gradients += static_cast<std::int64_t>(parameter.nbytes());
  }
  offload_->fetch([most = most_ - gradients / 8, end = without_gradients_ + gradients](std::int64_t in_memory) {
    return most - std::max(memory_in_use().now, end + in_memory);
  });
}

void AdamW::clear_gradients() {
  for (auto& group : groups_) {
    for (auto& [name, parameter] : group.parameters) parameter.mutable_grad() = at::Tensor();
  }
}

double AdamW::clip(double largest) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const auto& group : groups_) {
    for (const auto& [name, parameter] : group.parameters) {
      if (parameter.grad().defined()) gradients.push_back(parameter.grad());
    }
  }
  scale_ = 1.0;
  if (gradients.empty()) return 0.0;
  const double norm = at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
  scale_ = largest > 0.0 ? std::min(1.0, largest / (norm + 1e-6)) : 1.0;  // torch.nn.utils.clip_grad_norm_ adds the same
  return norm;
}

Tensors AdamW::state() const {
  Tensors state;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      if (!moments_[g][i].steps.defined()) continue;
      const auto& name = groups_[g].parameters[i].first;
      const auto moments = in_memory(g, i);
      state["first." + name] = moments.first;
      state["second." + name] = moments.second;
      state["steps." + name] = moments.steps;
    }
  }
  return state;
}

void AdamW::restore(const Tensors& state) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, live] : this->state()) {
    const auto found = state.find(name);
    if (found == state.end() || found->second.sizes() != live.sizes() || found->second.scalar_type() != live.scalar_type()) {
      throw DataError(Fault{"training checkpoint", "AdamW's state does not fit", found == state.end() ? "no " + name : name, "",
                            "start the run again without --resume"});
    }
    live.copy_(found->second);
  }
  for (const auto& of_group : moments_) {
    for (const auto& moments : of_group) {
      if (moments.slot) offload_->put(*moments.slot);
    }
  }
}

}  // namespace sam3lab
