#include "plugins/backbones/sam3/model/module.h"

#include <algorithm>
#include <tuple>

#include <ATen/ATen.h>

namespace sam3lab::sam3 {

bool AdapterSlot::trains() const {
  if (!held_) return false;
  const NamedTensors own = held_->parameters();
  return std::any_of(own.begin(), own.end(), [](const auto& p) { return p.second.requires_grad(); });
}

void AdapterSlot::lengthen(at::Tensor& keys, at::Tensor& values, at::Tensor& mask, bool training) const {
  if (!held_) return;
  const std::int64_t before = keys.size(2);
  std::tie(keys, values) = held_->keys_values(keys, values, training);
  const std::int64_t more = keys.size(2) - before;
  if (mask.defined() && more > 0) mask = at::constant_pad_nd(mask, {more, 0}, mask.scalar_type() == at::kBool ? 1 : 0);
}

Module::Module(Module& parent, std::string name) : pass_(parent.pass_) { parent.children_.emplace_back(std::move(name), this); }

Module::~Module() = default;

at::Tensor Module::parameter(std::string name, std::vector<std::int64_t> shape) {
  // Not filled: until initialise(), the memory of a large model is not touched, so sam3lab plan needs little memory.
  at::Tensor made = at::empty(shape, at::kFloat).requires_grad_(true);
  parameters_.emplace_back(std::move(name), made);
  return made;
}

void Module::collect(NamedTensors& into, const std::string& prefix) const {
  for (const auto& [name, tensor] : parameters_) into.emplace_back(prefix + name, tensor);
  for (const auto& [name, child] : children_) child->collect(into, prefix + name + ".");
}

void Module::collect_injection_points(InjectionPoints& into, const std::string& prefix) const {
  for (const auto& [point, slot] : injection_points_) {
    InjectionPoint full = point;
    full.name = point.name.empty() ? prefix.substr(0, prefix.size() - 1) : prefix + point.name;
    if (!point.weight.empty()) full.weight = prefix + point.weight;
    into.emplace_back(std::move(full), slot);
  }
  for (const auto& [name, child] : children_) child->collect_injection_points(into, prefix + name + ".");
}

bool Module::trains() const {
  return std::any_of(parameters_.begin(), parameters_.end(), [](const auto& p) { return p.second.requires_grad(); }) ||
         std::any_of(injection_points_.begin(), injection_points_.end(), [](const auto& p) { return p.second->trains(); }) ||
         std::any_of(children_.begin(), children_.end(), [](const auto& c) { return c.second->trains(); });
}

void Module::train(bool on) {
  *pass_ = on;
  set_mode(on);
}

bool Module::set_mode(bool on) {
  bool any = std::any_of(parameters_.begin(), parameters_.end(), [](const auto& p) { return p.second.requires_grad(); }) ||
             std::any_of(injection_points_.begin(), injection_points_.end(), [](const auto& p) { return p.second->trains(); });
  for (const auto& [name, child] : children_) any = child->set_mode(on) || any;
  training_ = on && any;
  return any;
}

}  // namespace sam3lab::sam3
