#include "plugins/backbones/sam3/checkpoint/sam3_layouts.h"

#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/checkpoint/layouts.h"
#include "plugins/backbones/sam3/checkpoint/published_sizes.h"
#include "plugins/backbones/sam3/checkpoint/transformers_names.h"

namespace sam3lab::sam3 {
namespace {

// Of a name that came from names() or recognise().
Layout known(const std::string& name) {
  if (const auto layout = layout_named(name)) return *layout;
  throw UsageError(Fault{"backbone/sam3", "unknown layout", name, "one of names()", ""});
}

}  // namespace

std::vector<std::string> Sam3Layouts::names() const { return layout_names(); }

std::optional<std::string> Sam3Layouts::recognise(const Tensors& tensors) const {
  const auto layout = layout_of(tensors);
  if (!layout) return std::nullopt;
  return layout_name(*layout);
}

std::string Sam3Layouts::examples() const { return example_names(); }

TensorUse Sam3Layouts::use_of(std::string_view name, const std::string& layout) const {
  return sam3::use_of(name, known(layout));
}

TensorUse Sam3Layouts::use_of_own(std::string_view name) const { return sam3::use_of(name, Layout::bare); }

std::string Sam3Layouts::module_not_built(std::string_view name) const {
  const auto holds = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  return holds("sam2_convs.") || holds("tracker_neck.") ? "sam2_convs" : "tracker";
}

NamedCheckpoint Sam3Layouts::to_own(const Tensors& tensors, const std::string& path) const { return to_bare(tensors, path); }

Tensors Sam3Layouts::from_own(const NamedCheckpoint& checkpoint, const std::string& layout) const {
  return from_bare(checkpoint, known(layout));
}

// transformers reads a state_dict without a key; everyone else looks under "model" as well.
std::string Sam3Layouts::torch_key(const std::string& layout) const {
  return known(layout) == Layout::transformers ? "" : "model";
}

CheckpointSizes Sam3Layouts::sizes_of(const NamedCheckpoint& checkpoint) const { return published_sizes(checkpoint.model); }

std::vector<std::string> Sam3Layouts::transformers_names(std::string_view parameter) const {
  return names_in_transformers(parameter);
}

}  // namespace sam3lab::sam3
