// A label table: TOML that says which stored values mean which label.
//
//   "lung" = [5, 6]          # a voxel of value 5 or 6
//   "brain" = "nonzero"      # every voxel that is not 0
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab::datasets {

struct LabelEntry {
  std::string label;
  bool nonzero = false;
  std::vector<std::int64_t> values;  // empty with `nonzero`

  // int32 of any shape -> bool of that shape.
  [[nodiscard]] at::Tensor mask(const at::Tensor& stored) const;
};

// Sorted by label; at least one. A value may serve several labels (a lobe and the brain). Throws UsageError with every fault
// found.
std::vector<LabelEntry> read_label_table(const std::string& path);

}  // namespace sam3lab::datasets
