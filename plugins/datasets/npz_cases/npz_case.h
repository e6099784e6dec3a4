// One file of the CVPR MedSegFM challenge: an image or volume, its labels and its spacing.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>

namespace sam3lab::datasets::npz_cases {

struct NpzLayout {
  std::string image, masks, spacing;  // names of the arrays
  std::string window;                 // "none", "percentiles" or "range"
  std::pair<double, double> range;    // black and white
};

struct NpzCase {
  at::Tensor image;                                 // [D, H, W, 1 or 3] uint8
  at::Tensor stored;                                // [D, H, W] uint8 or int32, 0..65535
  bool volume = false;                              // false: one image, D = 1
  std::optional<std::array<double, 2>> spacing_mm;  // row, column of a slice; unset: unknown
};

// Labels alone: `image` stays undefined. Throws DataError for what cannot be read or holds other values than a label map may.
NpzCase read_npz_labels(const std::string& file, const NpzLayout& layout);
// Throws DataError also where image and labels differ in size, and for grey values that the window does not fit.
NpzCase read_npz_case(const std::string& file, const NpzLayout& layout);

}  // namespace sam3lab::datasets::npz_cases
