#include "core/train/group_rows.h"

#include <algorithm>
#include <set>

#include <ATen/ATen.h>

namespace sam3lab {
namespace {

std::string module_of(const std::string& parameter) {
  const auto dot = parameter.rfind('.');
  return dot == std::string::npos ? parameter : parameter.substr(0, dot);
}

// A module path ends at a dot, so the common prefix is shortened to the last one.
std::string shared_module(const std::string& a, const std::string& b) {
  const std::string left = a + ".", right = b + ".";
  const auto [end, other] = std::ranges::mismatch(left, right);
  const auto dot = left.rfind('.', static_cast<std::size_t>(end - left.begin()) - 1);
  return end == left.begin() || dot == std::string::npos ? "" : left.substr(0, dot);
}

}  // namespace

std::vector<GroupRow> group_rows(const std::vector<ParameterGroup>& groups) {
  std::vector<GroupRow> rows;
  for (const auto& group : groups) {
    GroupRow row{group.name, group.learning_rate, group.weight_decay, static_cast<std::int64_t>(group.parameters.size()), 0};
    for (const auto& [name, tensor] : group.parameters) row.parameters += tensor.numel();
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<GroupRow> frozen_rows(Backbone& model, const std::vector<ParameterGroup>& groups) {
  std::set<std::string> trains;
  for (const auto& group : groups) {
    for (const auto& [name, tensor] : group.parameters) trains.insert(name);
  }
  std::vector<GroupRow> rows;
  std::vector<std::string> modules;  // of the rows, in their order
  for (const auto& [name, tensor] : model.parameters()) {
    if (trains.contains(name)) continue;
    const auto module = model.locate(name).module;
    const auto found = std::ranges::find(modules, module);
    const auto at = static_cast<std::size_t>(found - modules.begin());
    if (found == modules.end()) {
      modules.push_back(module);
      rows.push_back({module_of(name), 0.0, 0.0, 0, 0});
    }
    auto& row = rows[at];
    row.name = shared_module(row.name, module_of(name));
    ++row.tensors;
    row.parameters += tensor.numel();
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name.empty()) rows[i].name = modules[i];
    rows[i].name += ".frozen";
  }
  return rows;
}

}  // namespace sam3lab
