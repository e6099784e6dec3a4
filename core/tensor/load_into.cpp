#include "core/tensor/load_into.h"

#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

std::string lengths_text(const at::Tensor& tensor) {
  std::string text;
  for (const auto length : tensor.sizes()) text.append(text.empty() ? "" : "x").append(std::to_string(length));
  return text.empty() ? "scalar" : text;
}

}  // namespace

bool keeps_meaning(const at::Tensor& from, const at::Tensor& to) {
  const auto kind = [](const at::Tensor& tensor) {
    switch (tensor.scalar_type()) {
      case at::kHalf:
      case at::kBFloat16:
      case at::kFloat:
      case at::kDouble:
        return 0;
      case at::kBool:
        return 1;
      default:
        return at::isIntegralType(tensor.scalar_type(), /*includeBool=*/false) ? 2 : 3;
    }
  };
  return from.scalar_type() == to.scalar_type() || (kind(from) == kind(to) && kind(from) != 3);
}

// The least and the largest element are NaN if any is, and need no memory for an answer per element.
bool all_finite(const at::Tensor& tensor) {
  if (!tensor.is_floating_point() || tensor.numel() == 0) return true;
  const auto [least, largest] = at::aminmax(tensor.detach());
  return std::isfinite(least.item<double>()) && std::isfinite(largest.item<double>());
}

void refuse_what_does_not_fit(const LoadReport& report, const std::string& path, bool allow_missing) {
  if (!report.not_finite.empty()) {
    throw NumericError(Fault{path, "has weights that are NaN or infinite, e.g. " + report.not_finite.front(), report.text(),
                             "finite numbers", "take a checkpoint from before the training diverged"});
  }
  if (!report.mistyped.empty()) {
    throw DataError(Fault{path, "has weights of a type that cannot be cast to the model's, e.g. " + report.mistyped.front(),
                          report.text(), "16-, 32- or 64-bit floats for parameters of floats",
                          "give the weights before they were quantised; scales of quantised weights are not applied"});
  }
  if (report.complete() || (allow_missing && report.misshaped.empty() && report.matched > 0)) return;
  const auto& first = report.misshaped.empty() ? report.missing.front() : report.misshaped.front();
  throw DataError(Fault{path, "does not fit the model, e.g. " + first, report.text(), "every parameter of the model",
                        "give [backbone] the sizes that the file was trained with, or set checkpoint.allow_missing"});
}

NamedCheckpoint own_names(const CheckpointLayouts* layouts, const Tensors& tensors, const std::string& path) {
  if (layouts != nullptr) return layouts->to_own(tensors, path);
  NamedCheckpoint named;
  named.model = tensors;
  return named;
}

std::string LoadReport::text() const {
  auto text = "matched " + std::to_string(matched) + ", missing " + std::to_string(missing.size()) + ", unexpected " +
              std::to_string(unexpected.size()) + ", mis-shaped " + std::to_string(misshaped.size());
  for (const auto& [what, count] : {std::pair("of another type", mistyped.size()),
                                    {"not finite", not_finite.size()},
                                    {"not built", not_built},
                                    {"derived", derived},
                                    {"set to zero", filled}}) {
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
    } else if (!keeps_meaning(found->second, tensor)) {
      report.mistyped.push_back(fmt::format("{}: file {}, model {}", name, at::toString(found->second.scalar_type()),
                                            at::toString(tensor.scalar_type())));
    } else if (!all_finite(found->second)) {
      report.not_finite.push_back(name);
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
