// Slices of a volume as they are looked at, learnt from and predicted. One rule for datasets and for `predict`.
#pragma once
#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>
#include <sam3lab/api/image.h>

namespace sam3lab {

// 0, 1, 2 for "sagittal", "coronal", "axial": slices lie along the patient's right, anterior, superior.
SAM3LAB_API std::int64_t slice_axis(const std::string& name);

// Slice `index` along `axis` of [X, Y, Z], as to_ras turns it, upright: anterior or superior is up; the patient's right is on
// the left, in sagittal slices anterior. Contiguous.
SAM3LAB_API at::Tensor upright_slice(const at::Tensor& volume, std::int64_t axis, std::int64_t index);
// The way back: writes an upright slice into the volume.
SAM3LAB_API void put_upright_slice(const at::Tensor& volume, std::int64_t axis, std::int64_t index, const at::Tensor& slice);

// How to_ras turns a volume: axis w of the result is axis `from[w]` of the volume, reversed or not.
struct Turning {
  std::int64_t from[3] = {0, 1, 2};
  bool reversed[3] = {false, false, false};
};
SAM3LAB_API Turning turning_of(const Volume& volume);
// Voxels of a turned grid back in the order of the volume that was turned. Contiguous.
SAM3LAB_API at::Tensor turned_back(const at::Tensor& voxels, const Turning& turning);

}  // namespace sam3lab
