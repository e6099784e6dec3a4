// Checkpoints as Python's torch.save writes them (a ZIP of stored entries, since PyTorch 1.6).
#pragma once
#include <string>

#include "core/tensor/tensors.h"

namespace sam3lab {

// Reads the state_dict of a .pt file: bare, or under `model` or `state_dict`. Tensors are mapped, not copied; those that share
// a storage in the file share memory here. Nothing in the file is executed: see core/tensor/pickle.h. Throws DataError.
SAM3LAB_API TensorFile read_torch_file(const std::string& path);

// A file that `torch.load(path, weights_only=True)` reads: {under: {name: tensor}}, or {name: tensor} if `under` is empty.
// Published by rename; equal tensors give equal bytes.
SAM3LAB_API void write_torch_file(const std::string& path, const Tensors& tensors, const std::string& under = "model");

// Either format, by content: a ZIP is a torch file, `*.json` an index of safetensors shards, anything else safetensors.
SAM3LAB_API TensorFile read_checkpoint(const std::string& path);

}  // namespace sam3lab
