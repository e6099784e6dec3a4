// The ways in which published checkpoints name the same parameters, and the way from each to the model's own ("bare") names.
#pragma once
#include <string>
#include <vector>

#include "core/tensor/tensors.h"

namespace sam3lab {

enum class Layout {
  bare,      // "backbone.vision_backbone.trunk.pos_embed": Medical-SAM3's files, and ours
  detector,  // "detector." before each, "tracker." for the video model beside it: SAM3's own file
  ddp        // "module." before each of either, as PyTorch's DistributedDataParallel saves them
};

std::string layout_name(Layout layout);

struct NamedCheckpoint {
  Layout layout = Layout::bare;
  Tensors model;  // bare names
  Tensors other;  // of the video model (`tracker.*`): kept so that a conversion loses nothing
};

// Throws DataError with `path` in `where` if the names fit no layout, or two of them become one.
NamedCheckpoint to_bare(const Tensors& tensors, const std::string& path);
Tensors from_bare(const NamedCheckpoint& checkpoint, Layout layout);

// Copies a checkpoint's tensors into a model's parameters and buffers, each cast to the type that the model has.
struct LoadReport {
  std::size_t matched = 0;
  std::vector<std::string> missing;     // the model has it, the file does not
  std::vector<std::string> unexpected;  // the file has it, the model does not
  std::vector<std::string> misshaped;   // "name: file 3x4, model 3x5"
  [[nodiscard]] bool complete() const { return missing.empty() && misshaped.empty(); }
  [[nodiscard]] std::string text() const;  // "matched 1152, missing 0, unexpected 3, mis-shaped 0"
};
LoadReport load_into(const std::vector<std::pair<std::string, at::Tensor>>& model, const Tensors& bare);

}  // namespace sam3lab
