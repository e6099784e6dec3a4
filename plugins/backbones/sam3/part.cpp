#include "plugins/backbones/sam3/part.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace sam3lab::sam3 {

Part::Part(Part& parent, std::string name) : mode_(parent.mode_) { parent.children_.emplace_back(std::move(name), this); }

Part::~Part() = default;

at::Tensor Part::parameter(std::string name, std::vector<std::int64_t> shape) {
  at::Tensor made = at::zeros(shape, at::kFloat).requires_grad_(true);
  parameters_.emplace_back(std::move(name), made);
  return made;
}

void Part::collect(NamedTensors& into, const std::string& prefix) const {
  for (const auto& [name, tensor] : parameters_) into.emplace_back(prefix + name, tensor);
  for (const auto& [name, child] : children_) child->collect(into, prefix + name + ".");
}

bool Part::trains() const {
  return std::any_of(parameters_.begin(), parameters_.end(), [](const auto& p) { return p.second.requires_grad(); }) ||
         std::any_of(children_.begin(), children_.end(), [](const auto& c) { return c.second->trains(); });
}

}  // namespace sam3lab::sam3
