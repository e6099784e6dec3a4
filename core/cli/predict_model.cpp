#include "core/cli/predict_model.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <sam3lab/api/error.h>

#include "core/config/read.h"
#include "core/record/run_record.h"
#include "core/registry/recognise.h"

namespace sam3lab {
namespace {

constexpr const char* where_predict_model = "sam3lab predict";

bool is_result(const std::string& file) {
  std::array<char, 8> start{};
  std::ifstream(file, std::ios::binary).read(start.data(), start.size());
  using namespace std::string_view_literals;
  return std::string_view(start.data(), start.size()) == "\x89HDF\r\n\x1a\n"sv;
}

// The first backbone there is, with its defaults.
std::string default_backbone(const Registry& registry) {
  const auto slot = registry.catalogue().find(std::string(Backbone::slot));
  if (slot == registry.catalogue().end() || slot->second.empty())
    throw UsageError(Fault{where_predict_model, "no plugin fills the slot 'backbone'", "", "", "see sam3lab doctor"});
  return slot->second.begin()->first;
}

// STEM.safetensors and STEM-adapter/ lie beside STEM.h5.
std::vector<std::string> results_beside(const ModelRequest& request) {
  std::vector<std::string> results = {std::filesystem::path(request.checkpoint).replace_extension(".h5").string()};
  auto folder = std::filesystem::path(request.adapter).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();  // "STEM-adapter/"
  if (const auto name = folder.string(); name.ends_with("-adapter"))
    results.push_back(name.substr(0, name.size() - std::string_view("-adapter").size()) + ".h5");
  return results;
}

bool sets_backbone(const ModelRequest& request, std::string_view key) {
  return std::ranges::any_of(request.sets, [key](const std::string& set) { return set.starts_with(key); });
}

}  // namespace

ChosenModel choose_model(const Registry& registry, const ModelRequest& request) {
  BackboneRequest read{request.model, std::nullopt, request.sets};
  std::string from = request.model;
  for (const auto& beside : results_beside(request)) {
    if (from.empty() && is_result(beside)) from = beside;
  }
  if (!from.empty()) {
    read.file = from;
    if (is_result(from)) read.text = read_record(from).resolved_toml;
    return {read_backbone(read, registry.catalogue()), from};
  }
  const auto recognised = recognise(registry, request.tensors);
  if (!sets_backbone(request, "backbone.use=")) {
    read.sets.push_back("backbone.use=" + (recognised.empty() ? default_backbone(registry) : recognised.front().backbone));
  }
  if (!request.sets.empty()) return {read_backbone(read, registry.catalogue()), "defaults"};
  CheckpointSizes sizes;
  if (!recognised.empty()) {
    const auto& layouts = *recognised.front().layouts;
    sizes = layouts.sizes_of(layouts.to_own(request.tensors, request.checkpoint));
  }
  if (!sizes.options) {
    throw UsageError(Fault{where_predict_model,
                           "nothing says the sizes of the model, and the checkpoint's shapes do not tell them", sizes.found,
                           sizes.expected, "give --model with the experiment (.toml) or the result (.h5) that it came from"});
  }
  for (const auto& [name, value] : *sizes.options) read.sets.push_back("backbone." + name + "=" + format_value(value));
  return {read_backbone(read, registry.catalogue()), "the checkpoint's shapes"};
}

}  // namespace sam3lab
