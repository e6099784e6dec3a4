#include "core/distributed/rank_step.h"

#include <algorithm>
#include <map>
#include <string>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/base/archive.h"

namespace sam3lab {
namespace {

// What a rank adds to the row of a step. Numbers arrive in the bits that were sent.
struct RowPart {
  double loss = 0.0;
  std::map<std::string, double> terms;
};

template <class A>
void members(A& a, RowPart& part) {
  a(part.loss, part.terms);
}

}  // namespace

void broadcast_weights(const Ranks& ranks, Backbone& model, const std::vector<ParameterGroup>& groups) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : model.parameters()) tensors.push_back(tensor);
  for (const auto& [name, tensor] : model.buffers()) tensors.push_back(tensor);
  for (const auto& group : groups) {
    for (const auto& [name, tensor] : group.parameters) tensors.push_back(tensor);
  }
  ranks.broadcast(tensors, 0);
}

void sum_gradients(const Ranks& ranks, const std::vector<ParameterGroup>& groups) {
  const at::NoGradGuard no_grad;
  std::string mine;
  for (const auto& group : groups) {
    for (const auto& [name, parameter] : group.parameters) mine += parameter.grad().defined() ? '1' : '0';
  }
  const auto all = ranks.exchange(mine);
  std::vector<at::Tensor> gradients;
  std::size_t at = 0;
  for (const auto& group : groups) {
    for (const auto& [name, parameter] : group.parameters) {
      const bool anywhere = std::ranges::any_of(all, [at](const std::string& of_rank) { return of_rank.at(at) == '1'; });
      ++at;
      if (!anywhere) continue;
      auto& gradient = parameter.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(parameter);
      gradients.push_back(gradient);
    }
  }
  ranks.sum(gradients);
}

void sum_row(const Ranks& ranks, StepRow& row) {
  RowPart mine{row.loss, row.terms};
  Pack pack;
  pack(mine);
  const auto all = ranks.exchange(pack.bytes());
  row.loss = 0.0;
  row.terms.clear();
  for (const auto& bytes : all) {
    RowPart part;
    Unpack unpack(bytes, "the losses of a rank");
    unpack(part);
    row.loss += part.loss;
    for (const auto& [name, value] : part.terms) row.terms[name] += value;
  }
}

OptimizerShards::OptimizerShards(const Ranks& ranks, const std::vector<ParameterGroup>& groups) : ranks_(&ranks) {
  // Each tensor in turn goes to the rank that has the least so far, so no rank exceeds an equal share by more than one tensor.
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(ranks.size()), 0);
  for (const auto& group : groups) {
    auto& of_group = owners_.emplace_back();
    for (const auto& [name, parameter] : group.parameters) {
      const auto least = std::ranges::min_element(numbers);
      *least += parameter.numel();
      of_group.push_back(static_cast<int>(least - numbers.begin()));
    }
  }
}

bool OptimizerShards::here(std::size_t group, std::size_t i) const {
  return owners_.empty() || owners_[group][i] == ranks_->rank();
}

void OptimizerShards::broadcast_updated(const std::vector<ParameterGroup>& groups) const {
  if (owners_.empty()) return;
  for (int from = 0; from < ranks_->size(); ++from) {
    std::vector<at::Tensor> tensors;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (std::size_t i = 0; i < groups[g].parameters.size(); ++i) {
        const auto& parameter = groups[g].parameters[i].second;
        if (owner(g, i) == from && parameter.grad().defined()) tensors.push_back(parameter);
      }
    }
    ranks_->broadcast(tensors, from);
  }
}

Tensors OptimizerShards::collect(const std::vector<ParameterGroup>& groups, const Tensors& own) const {
  if (owners_.empty()) return own;
  Tensors all = own;
  const auto type = own.empty() ? at::kFloat : own.begin()->second.scalar_type();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (std::size_t i = 0; i < groups[g].parameters.size(); ++i) {
      const auto& [name, parameter] = groups[g].parameters[i];
      const int from = owner(g, i);
      if (from == 0 || (ranks_->rank() != 0 && ranks_->rank() != from)) continue;
      for (const std::string part : {"first.", "second.", "steps."}) {
        const auto key = part + name;
        if (ranks_->rank() == from) {
          ranks_->send(part == "steps." ? own.at(key).cpu() : own.at(key), 0);
        } else {
          auto& place = all[key];
          place = part == "steps." ? at::zeros({}, at::kFloat)
                                   : at::zeros(parameter.sizes(), parameter.options().dtype(type).requires_grad(false));
          ranks_->receive(place, from);
        }
      }
    }
  }
  return all;
}

}  // namespace sam3lab
