#include "core/train/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <sam3lab/api/error.h>

namespace sam3lab {

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options) : groups_(std::move(groups)), options_(options) {
  for (const auto& group : groups_) {
    auto& of_group = moments_.emplace_back();
    for (const auto& [name, parameter] : group.parameters) {
      of_group.push_back({at::zeros_like(parameter), at::zeros_like(parameter), at::zeros({}, at::kFloat)});
    }
  }
}

void AdamW::step(double factor) {
  const at::NoGradGuard no_grad;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::vector<at::Tensor> parameters, gradients, first, second, largest, steps;
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const auto& parameter = groups_[g].parameters[i].second;
      if (!parameter.grad().defined()) continue;
      parameters.push_back(parameter);
      gradients.push_back(parameter.grad());
      auto& moments = moments_[g][i];
      moments.steps.add_(1);
      first.push_back(moments.first);
      second.push_back(moments.second);
      steps.push_back(moments.steps);
    }
    if (parameters.empty()) continue;
    at::_fused_adamw_(parameters, gradients, first, second, largest, steps, groups_[g].learning_rate * factor, options_.beta1,
                      options_.beta2, groups_[g].weight_decay, options_.epsilon, /*amsgrad=*/false, /*maximize=*/false,
                      std::nullopt, std::nullopt);
  }
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
  if (gradients.empty()) return 0.0;
  const double norm = at::stack(at::_foreach_norm(gradients, 2)).norm().item<double>();
  const double scale = largest / (norm + 1e-6);  // torch.nn.utils.clip_grad_norm_ adds the same
  if (largest > 0.0 && scale < 1.0) at::_foreach_mul_(gradients, scale);
  return norm;
}

Tensors AdamW::state() const {
  Tensors state;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const auto& name = groups_[g].parameters[i].first;
      state["first." + name] = moments_[g][i].first;
      state["second." + name] = moments_[g][i].second;
      state["steps." + name] = moments_[g][i].steps;
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
}

}  // namespace sam3lab
