#include "plugins/backbones/sam3/checkpoint/layouts.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/checkpoint/transformers_names.h"
#include "plugins/backbones/sam3/checkpoint/transformers_tensors.h"

namespace sam3lab::sam3 {
namespace {

constexpr std::string_view ddp_prefix = "module.", detector_prefix = "detector.",
                           video_neck = "backbone.vision_backbone.sam2_convs.";
// Transformers' video model: its image model, and what lies beside it.
constexpr std::string_view video_prefix = "detector_model.", video_tracker = "tracker_model.", tracker_neck = "tracker_neck.";
constexpr std::array<std::string_view, 2> trackers = {"tracker.", video_tracker};
constexpr std::array<std::pair<Layout, std::string_view>, 4> names = {
    {{Layout::bare, "bare"}, {Layout::detector, "detector"}, {Layout::ddp, "ddp"}, {Layout::transformers, "transformers"}}};

bool cut(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

bool of_tracker(std::string_view name) {
  return std::any_of(trackers.begin(), trackers.end(), [&](auto prefix) { return name.starts_with(prefix); });
}

bool is_point_projection(std::string_view name) {
  if (!cut(name, "geometry_encoder.points_")) return false;
  return name.ends_with("_project.weight") || name.ends_with("_project.bias");
}

void add(Tensors& into, std::string_view name, const at::Tensor& tensor, const std::string& path) {
  if (into.emplace(name, tensor).second) return;
  throw DataError(Fault{path, "two names of the checkpoint mean the same parameter", std::string(name), "", ""});
}

}  // namespace

std::string layout_name(Layout layout) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& item) { return item.first == layout; });
  return found == names.end() ? "" : std::string(found->second);
}

std::vector<std::string> layout_names() {
  std::vector<std::string> all;
  for (const auto& [layout, name] : names) all.emplace_back(name);
  return all;
}

std::string example_names() {
  return "'detector.backbone...', 'backbone...', 'module.backbone...' or 'vision_encoder.backbone...'";
}

std::optional<Layout> layout_named(std::string_view name) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& item) { return item.second == name; });
  if (found == names.end()) return std::nullopt;
  return found->first;
}

std::optional<Layout> layout_of(const Tensors& tensors) {
  std::optional<Layout> result;
  for (const auto& item : tensors) {
    std::string_view name = item.first;
    const bool ddp = cut(name, ddp_prefix);
    const bool detector = cut(name, detector_prefix);
    std::string_view theirs = name;
    cut(theirs, video_prefix);
    // Some names are the same on both sides; and names of ours may lie in a file of the port, but not the other way round.
    if (!detector && !is_model_name(theirs) && !theirs.starts_with(tracker_neck) && own_name(theirs))
      return Layout::transformers;
    if (is_model_name(name)) result = ddp ? Layout::ddp : detector ? Layout::detector : Layout::bare;
  }
  return result;
}

TensorUse use_of(std::string_view name, Layout layout) {
  cut(name, ddp_prefix);
  if (of_tracker(name) || name.starts_with(tracker_neck)) return TensorUse::not_built;
  const bool own = cut(name, detector_prefix) || layout != Layout::transformers;
  if (!own) {
    cut(name, video_prefix);
    return own_name(name) ? TensorUse::parameter : TensorUse::unknown;
  }
  if (name.starts_with(video_neck)) return TensorUse::not_built;
  if (is_model_name(name) && name.ends_with(".attn.freqs_cis")) return TensorUse::derived;
  if (layout == Layout::transformers && name.ends_with(".pos_embed.class_token")) return TensorUse::parameter;
  return transformers_name(name) || is_point_projection(name) ? TensorUse::parameter : TensorUse::unknown;
}

NamedCheckpoint to_bare(const Tensors& tensors, const std::string& path) {
  const auto layout = layout_of(tensors);
  if (!layout) {
    throw DataError(Fault{path, "the names of this file fit no known layout of SAM3",
                          tensors.empty() ? "no tensors" : "'" + tensors.begin()->first + "'",
                          "names such as " + example_names(), "check the file"});
  }
  NamedCheckpoint result;
  result.layout = layout_name(*layout);
  for (const auto& [full, tensor] : tensors) {
    std::string_view name = full;
    cut(name, ddp_prefix);
    if (of_tracker(name)) {
      add(result.other, name, tensor, path);
      continue;
    }
    cut(name, *layout == Layout::transformers ? video_prefix : detector_prefix);
    add(result.model, name, tensor, path);
  }
  if (*layout == Layout::transformers) result.model = from_transformers(result.model, path, result.filled);
  return result;
}

Tensors from_bare(const NamedCheckpoint& checkpoint, Layout layout) {
  Tensors result = checkpoint.other;
  if (layout == Layout::transformers) {
    // A file of the port's video model has its image model under a prefix, which `Sam3Model` also reads.
    const auto first = checkpoint.other.lower_bound(std::string(video_tracker));
    const bool video = first != checkpoint.other.end() && first->first.starts_with(video_tracker);
    for (auto& [name, tensor] : to_transformers(checkpoint.model)) {
      const bool apart = name.starts_with(detector_prefix) || name.starts_with(tracker_neck);
      result.emplace(video && !apart ? std::string(video_prefix) + name : name, tensor);
    }
    return result;
  }
  const std::string_view prefix = layout == Layout::detector ? detector_prefix : "";
  for (const auto& [name, tensor] : checkpoint.model) result.emplace(std::string(prefix) + name, tensor);
  if (layout != Layout::ddp) return result;
  Tensors wrapped;
  for (const auto& [name, tensor] : result) wrapped.emplace(std::string(ddp_prefix) + name, tensor);
  return wrapped;
}

}  // namespace sam3lab::sam3
