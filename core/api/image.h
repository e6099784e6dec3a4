// Pictures, label maps and volumes from files, and PNG to files. Files are not trusted: every size is checked before memory is
// taken. All readers throw DataError that names the file where it is missing, cut short, damaged, too large or of an
// unsupported kind.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <utility>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

// Largest picture: this many pixels a side, and this many in all. Largest volume: voxels.
inline constexpr std::int64_t max_side = 20000, max_pixels = std::int64_t{1} << 28, max_voxels = std::int64_t{1} << 31;

// PNG, JPEG or TIFF (8 or 16 bits) -> [H, W, C] with C = 1 (grey) or 3 (RGB); uint8, or int32 in 0..65535 for 16-bit files.
// A palette becomes RGB, alpha is dropped, as Pillow's convert("RGB") does. Orientation tags are not applied.
SAM3LAB_API at::Tensor read_raster(const std::filesystem::path& path);

// A label map (PNG or TIFF; the index of a palette image counts, not its colour) -> [H, W] int32, 0..65535.
// A colour image is taken only if its three channels are equal. JPEG, which does not keep values, is refused.
SAM3LAB_API at::Tensor read_label_raster(const std::filesystem::path& path);

// [H, W] or [H, W, 1 or 3]; uint8, bool (0 and 255), or int32 in 0..65535 as 16-bit grey. Written beside `path` and renamed.
SAM3LAB_API void write_png(const std::filesystem::path& path, const at::Tensor& image);

struct Volume {
  at::Tensor voxels;                              // [I, J, K] float32, scaled by scl_slope and scl_inter
  std::array<std::array<double, 4>, 3> affine{};  // voxel index -> mm: x to the patient's right, y anterior, z superior
  std::array<double, 3> spacing_mm = {1, 1, 1};   // along I, J, K
};

// NIfTI-1 or NIfTI-2 in one file, plain or gzip, any byte order and real number type; three-dimensional.
// Affine: sform, else qform, else spacing alone, as the NIfTI standard's methods 3, 2 and 1.
SAM3LAB_API Volume read_volume(const std::filesystem::path& path);

// The same volume with its axes swapped and reversed (never resampled) so that I, J, K run to the patient's right, anterior and
// superior as nearly as they can.
SAM3LAB_API Volume to_ras(const Volume& volume);

// Percentiles (0..100, linear between ranks as numpy) of all finite values of a tensor. {0, 0} if there are none.
SAM3LAB_API std::pair<double, double> percentiles(const at::Tensor& values, double low, double high);
// Values of any shape -> uint8: `low` and below is 0, `high` and above 255, rounded. NaN is 0. Needs low < high.
SAM3LAB_API at::Tensor window(const at::Tensor& values, double low, double high);

}  // namespace sam3lab
