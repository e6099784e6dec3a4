// Checkpoints in the format of Python's torch.save: since PyTorch 1.6, a ZIP of stored entries.
#pragma once
#include <string>

#include "core/tensor/tensors.h"

namespace sam3lab {

// Reads the state_dict of a .pt file: bare, or under `model` or `state_dict`. Tensors are mapped, not copied. Tensors that
// share a storage in the file share memory. Nothing in the file is executed: see core/tensor/pickle.h. Throws DataError.
SAM3LAB_API TensorFile read_torch_file(const std::string& path);

// Writes a file for `torch.load(path, weights_only=True)`: {under: {name: tensor}}, or {name: tensor} if `under` is empty. It
// is written under a temporary name and renamed. Equal tensors give equal bytes.
SAM3LAB_API void write_torch_file(const std::string& path, const Tensors& tensors, const std::string& under = "model");

// Reads a checkpoint of either format. A ZIP is a torch file, `*.json` is an index of safetensors shards, and any other file is
// safetensors.
SAM3LAB_API TensorFile read_checkpoint(const std::string& path);

}  // namespace sam3lab
