// The ways in which published checkpoints name the same parameters, and the way from each to the model's own ("bare") names.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor/tensors.h"

namespace sam3lab {

enum class Layout {
  bare,         // "backbone.vision_backbone.trunk.pos_embed": Medical-SAM3's files, and ours
  detector,     // "detector." before each, "tracker." for the video model beside it: SAM3's own file
  ddp,          // "module." before each of either, as PyTorch's DistributedDataParallel saves them
  transformers  // "vision_encoder.backbone...", query, key and value apart: Hugging Face's port
};

std::string layout_name(Layout layout);
std::optional<Layout> layout_named(std::string_view name);
std::optional<Layout> layout_of(const Tensors& tensors);  // by the names alone; nothing if they are not SAM3's

// What a tensor of a checkpoint is to the image model that is built here.
enum class Use {
  parameter,
  derived,    // computed from the sizes: the rotary phases `freqs_cis`
  not_built,  // of the video model: its neck `sam2_convs` and all of `tracker.*`
  unknown
};
Use use_of(std::string_view name, Layout layout);  // `name` as the file has it

struct NamedCheckpoint {
  Layout layout = Layout::bare;
  Tensors model;                    // bare names; also `sam2_convs` and what no one knows
  Tensors other;                    // of the video model (`tracker.*`): kept so that a conversion loses nothing
  std::vector<std::string> filled;  // of `model`: zeros for what the layout has no place for
};

// Throws DataError with `path` in `where` if the names fit no layout, or two of them become one. Tensors share the memory of
// the given ones where their values are not rearranged.
NamedCheckpoint to_bare(const Tensors& tensors, const std::string& path);
Tensors from_bare(const NamedCheckpoint& checkpoint, Layout layout);

// Copies a checkpoint's tensors into a model's parameters and buffers, each cast to the type that the model has.
struct LoadReport {
  std::size_t matched = 0;
  std::vector<std::string> missing;     // the model has it, the file does not
  std::vector<std::string> unexpected;  // the file has it, the model does not
  std::vector<std::string> misshaped;   // "name: file 3x4, model 3x5"
  std::size_t not_built = 0, derived = 0, filled = 0;
  [[nodiscard]] bool complete() const { return missing.empty() && misshaped.empty(); }
  // "matched 1152, missing 0, unexpected 3, mis-shaped 0", and ", not built 331" and the like where there are any
  [[nodiscard]] std::string text() const;
};
LoadReport load_into(const std::vector<std::pair<std::string, at::Tensor>>& model, const NamedCheckpoint& checkpoint);

}  // namespace sam3lab
