// What a file of tensors holds, whatever its format.
#pragma once
#include <map>
#include <string>

#include <sam3lab/api/export.h>
#include <sam3lab/api/named_tensors.h>

namespace sam3lab {

using Metadata = std::map<std::string, std::string>;

// Tensors read from a file share its mapped memory (private: writing to one changes no file) and keep the mapping alive.
struct TensorFile {
  Tensors tensors;
  Metadata metadata;   // safetensors: its `__metadata__`; torch: plain values beside the weights, such as "epoch"
  std::string format;  // "safetensors", "safetensors, 4 shards", "torch"
};

}  // namespace sam3lab
