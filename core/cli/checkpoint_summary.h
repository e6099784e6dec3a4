// What a checkpoint holds, counted from its directory of tensors: no weight is read.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/registry/registry.h"
#include "core/tensor/tensors.h"

namespace sam3lab {

struct TensorTotal {
  std::int64_t tensors = 0, values = 0, bytes = 0;
  void add(const at::Tensor& tensor);
};

struct CheckpointSummary {
  std::string format;
  std::string backbone, layout;  // empty: no backbone knows the names
  TensorTotal all;
  std::map<std::string, TensorTotal> by_type;    // "float32"
  std::array<TensorTotal, 4> by_use;             // indexed by TensorUse
  std::map<std::string, TensorTotal> not_built;  // by module
  std::vector<std::string> unknown;              // names, sorted
  Metadata metadata;
};
// Of several backbones that know the names the first in alphabetical order counts.
CheckpointSummary summarise_checkpoint(const TensorFile& file, const Registry& registry);

void print_checkpoint(const std::string& path, const CheckpointSummary& summary);
void print_checkpoint_json(const std::string& path, const CheckpointSummary& summary);

}  // namespace sam3lab
