// The content of a file of tensors in any format.
#pragma once
#include <map>
#include <string>

#include <sam3lab/api/export.h>
#include <sam3lab/api/named_tensors.h>

namespace sam3lab {

using Metadata = std::map<std::string, std::string>;

// Tensors that were read from a file share its mapped memory and keep the mapping alive. Writing to them does not change the
// file.
struct TensorFile {
  Tensors tensors;
  Metadata metadata;   // safetensors: `__metadata__`; torch: plain values next to the weights, such as "epoch"
  std::string format;  // "safetensors", "safetensors, 4 shards", "torch"
};

}  // namespace sam3lab
