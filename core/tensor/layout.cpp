#include "core/tensor/layout.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr std::string_view ddp_prefix = "module.", detector_prefix = "detector.";
// The parts of the image model, and of the video model beside it.
constexpr std::array<std::string_view, 5> model_parts = {"backbone.", "transformer.", "geometry_encoder.", "segmentation_head.",
                                                         "dot_prod_scoring."};
constexpr std::string_view tracker_prefix = "tracker.";

bool is_model_name(std::string_view name) {
  return std::any_of(model_parts.begin(), model_parts.end(), [&](auto part) { return name.starts_with(part); });
}

std::string shape_text(const at::Tensor& tensor) {
  std::string text;
  for (const auto length : tensor.sizes()) text.append(text.empty() ? "" : "x").append(std::to_string(length));
  return text.empty() ? "scalar" : text;
}

}  // namespace

std::string layout_name(Layout layout) {
  switch (layout) {
    case Layout::bare: return "bare";
    case Layout::detector: return "detector";
    case Layout::ddp: return "ddp";
  }
  return "";
}

NamedCheckpoint to_bare(const Tensors& tensors, const std::string& path) {
  NamedCheckpoint result;
  for (const auto& [full, tensor] : tensors) {
    std::string_view name = full;
    auto layout = Layout::bare;
    if (name.starts_with(ddp_prefix)) {
      name.remove_prefix(ddp_prefix.size());
      layout = Layout::ddp;
    }
    if (name.starts_with(detector_prefix)) {
      name.remove_prefix(detector_prefix.size());
      if (layout == Layout::bare) layout = Layout::detector;
    }
    if (name.starts_with(tracker_prefix)) {
      result.other.emplace(name, tensor);
    } else if (!result.model.emplace(name, tensor).second) {
      throw DataError(Fault{path, "two names of the checkpoint mean the same parameter", std::string(name), "", ""});
    } else if (is_model_name(name)) {
      result.layout = layout;
    }
  }
  if (std::none_of(result.model.begin(), result.model.end(), [](const auto& item) { return is_model_name(item.first); })) {
    throw DataError(Fault{path, "the names of this file fit no known layout of SAM3",
                          tensors.empty() ? "no tensors" : "'" + tensors.begin()->first + "'",
                          "names such as 'detector.backbone...', 'backbone...' or 'module.backbone...'", "check the file"});
  }
  return result;
}

Tensors from_bare(const NamedCheckpoint& checkpoint, Layout layout) {
  const std::string prefix(layout == Layout::detector ? detector_prefix : layout == Layout::ddp ? ddp_prefix : "");
  Tensors result;
  for (const auto& [name, tensor] : checkpoint.model) result.emplace(prefix + name, tensor);
  for (const auto& [name, tensor] : checkpoint.other) result.emplace((layout == Layout::ddp ? prefix : "") + name, tensor);
  return result;
}

std::string LoadReport::text() const {
  return "matched " + std::to_string(matched) + ", missing " + std::to_string(missing.size()) + ", unexpected " +
         std::to_string(unexpected.size()) + ", mis-shaped " + std::to_string(misshaped.size());
}

LoadReport load_into(const std::vector<std::pair<std::string, at::Tensor>>& model, const Tensors& bare) {
  LoadReport report;
  std::set<std::string_view> known;
  at::NoGradGuard no_gradient;
  for (const auto& [name, tensor] : model) {
    known.insert(name);
    const auto found = bare.find(name);
    if (found == bare.end()) {
      report.missing.push_back(name);
    } else if (found->second.sizes() != tensor.sizes()) {
      report.misshaped.push_back(name + ": file " + shape_text(found->second) + ", model " + shape_text(tensor));
    } else {
      at::Tensor(tensor).copy_(found->second);
      ++report.matched;
    }
  }
  for (const auto& [name, tensor] : bare) {
    if (known.count(name) == 0) report.unexpected.push_back(name);
  }
  return report;
}

}  // namespace sam3lab
