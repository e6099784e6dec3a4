// The ways in which published checkpoints name the same parameters, and the way from each to the model's own ("bare")
// names.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/checkpoint_layouts.h>

namespace sam3lab::sam3 {

enum class Layout {
  bare,         // "backbone.vision_backbone.trunk.pos_embed": Medical-SAM3's files, and ours
  detector,     // "detector." before each, "tracker." for the video model beside it: SAM3's own file
  ddp,          // "module." before each of either, as PyTorch's DistributedDataParallel saves them
  transformers  // "vision_encoder.backbone...", query, key and value apart: Hugging Face's port
};

std::string layout_name(Layout layout);
std::optional<Layout> layout_named(std::string_view name);
std::vector<std::string> layout_names();
std::string example_names();                              // a start of a name for each, for messages
std::optional<Layout> layout_of(const Tensors& tensors);  // by the names alone; nothing if they are not SAM3's

TensorUse use_of(std::string_view name, Layout layout);  // `name` as the file has it

// `other` is the video model's (`tracker.*`). Throws DataError with `path` in `where` if the names fit no layout, or two of
// them become one. Tensors share the memory of the given ones where their values are not rearranged.
NamedCheckpoint to_bare(const Tensors& tensors, const std::string& path);
Tensors from_bare(const NamedCheckpoint& checkpoint, Layout layout);

}  // namespace sam3lab::sam3
