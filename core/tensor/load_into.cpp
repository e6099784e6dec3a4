#include "core/tensor/load_into.h"

#include <set>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace sam3lab {
namespace {

std::string lengths_text(const at::Tensor& tensor) {
  std::string text;
  for (const auto length : tensor.sizes()) text.append(text.empty() ? "" : "x").append(std::to_string(length));
  return text.empty() ? "scalar" : text;
}

}  // namespace

NamedCheckpoint own_names(const CheckpointLayouts* layouts, const Tensors& tensors, const std::string& path) {
  if (layouts != nullptr) return layouts->to_own(tensors, path);
  NamedCheckpoint named;
  named.model = tensors;
  return named;
}

std::string LoadReport::text() const {
  auto text = "matched " + std::to_string(matched) + ", missing " + std::to_string(missing.size()) + ", unexpected " +
              std::to_string(unexpected.size()) + ", mis-shaped " + std::to_string(misshaped.size());
  for (const auto& [what, count] : {std::pair("not built", not_built), {"derived", derived}, {"set to zero", filled}}) {
    if (count > 0) text.append(", ").append(what).append(" ").append(std::to_string(count));
  }
  return text;
}

LoadReport load_into(const NamedTensors& model, const NamedCheckpoint& checkpoint, const CheckpointLayouts* layouts) {
  LoadReport report;
  std::set<std::string_view> known;
  at::NoGradGuard no_gradient;
  for (const auto& [name, tensor] : model) {
    known.insert(name);
    const auto found = checkpoint.model.find(name);
    if (found == checkpoint.model.end()) {
      report.missing.push_back(name);
    } else if (found->second.sizes() != tensor.sizes()) {
      report.misshaped.push_back(name + ": file " + lengths_text(found->second) + ", model " + lengths_text(tensor));
    } else {
      at::Tensor(tensor).copy_(found->second);
      ++report.matched;
    }
  }
  for (const auto& [name, tensor] : checkpoint.model) {
    if (known.count(name) != 0) continue;
    const auto use = layouts == nullptr ? TensorUse::unknown : layouts->use_of_own(name);
    if (use == TensorUse::derived) {
      ++report.derived;
    } else if (use == TensorUse::not_built) {
      ++report.not_built;
    } else {
      report.unexpected.push_back(name);
    }
  }
  report.not_built += checkpoint.other.size();
  report.filled = checkpoint.filled.size();
  return report;
}

}  // namespace sam3lab
