#include "core/registry/recognise.h"

#include <algorithm>

#include "core/base/text.h"

namespace sam3lab {
namespace {

// Backbones that offer layouts, by name.
std::map<std::string, std::shared_ptr<const CheckpointLayouts>> all_layouts(const Registry& registry) {
  std::map<std::string, std::shared_ptr<const CheckpointLayouts>> all;
  const auto backbones = registry.catalogue().find(std::string(Backbone::slot));
  if (backbones == registry.catalogue().end()) return all;
  for (const auto& [name, entry] : backbones->second) {
    if (auto layouts = registry.offer(Backbone::slot, name)->layouts) all.emplace(name, std::move(layouts));
  }
  return all;
}

}  // namespace

std::vector<RecognisedCheckpoint> recognise(const Registry& registry, const Tensors& tensors) {
  std::vector<RecognisedCheckpoint> found;
  for (const auto& [name, layouts] : all_layouts(registry)) {
    if (const auto layout = layouts->recognise(tensors)) found.push_back({name, *layout, layouts});
  }
  return found;
}

DataError not_recognised(const Registry& registry, const Tensors& tensors, const std::string& path) {
  std::string examples;
  for (const auto& [name, layouts] : all_layouts(registry))
    examples += (examples.empty() ? "" : "; or ") + layouts->examples() + " (backbone " + name + ")";
  return DataError(Fault{path, "the names of this file fit no known layout of a backbone",
                         tensors.empty() ? "no tensors" : "'" + shorten(tensors.begin()->first) + "'",
                         examples.empty() ? "a backbone that offers layouts" : "names such as " + examples, "check the file"});
}

void refuse_unrecognised(const Registry& registry, const Tensors& tensors, const std::string& path) {
  const auto backbones = registry.catalogue().find(std::string(Backbone::slot));
  const std::size_t count = backbones == registry.catalogue().end() ? 0 : backbones->second.size();
  if (all_layouts(registry).size() == count && recognise(registry, tensors).empty())
    throw not_recognised(registry, tensors, path);
}

std::vector<std::string> known_layouts(const Registry& registry) {
  std::vector<std::string> known;
  for (const auto& [name, layouts] : all_layouts(registry)) {
    for (auto& layout : layouts->names()) {
      if (std::ranges::find(known, layout) == known.end()) known.push_back(std::move(layout));
    }
  }
  return known;
}

}  // namespace sam3lab
