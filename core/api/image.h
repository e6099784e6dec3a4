// Pictures, label maps and volumes from files, and PNG and NIfTI to files. Files are not trusted: every size is checked before
// memory is taken, and what only a library can parse is parsed in a process of its own. All readers go by a file's content, not
// its name, throw DataError that names the file where it is missing, cut short, damaged, too large or of an unsupported kind,
// and keep nothing that identifies a patient. Which formats in what form: docs/reference/formats.md.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

// Largest picture: this many pixels a side, and this many in all. Largest volume: voxels.
inline constexpr std::int64_t max_side = 20000, max_pixels = std::int64_t{1} << 28, max_voxels = std::int64_t{1} << 31;

// PNG, JPEG, TIFF, BMP, GIF (first frame), PBM/PGM/PPM, each also in gzip; DICOM; MHA/MHD and NRRD of one slice or of three
// that are red, green, blue -> [H, W, C] with C = 1 (grey) or 3 (RGB); uint8, or int32 in 0..65535 for deeper files.
// A palette becomes RGB, alpha is dropped, as Pillow's convert("RGB") does. Orientation tags are not applied. DICOM is shown
// through its own window (uint8), without one from its least to its largest value; MONOCHROME1 comes out with air dark.
// `page`: of a TIFF or a DICOM file of several frames, from 0.
SAM3LAB_API at::Tensor read_raster(const std::filesystem::path& path, std::int64_t page = 0);

// A label map (the formats above but JPEG, which does not keep values; of a palette image the index counts, not its colour; of
// a DICOM file the stored value) -> [H, W] int32, 0..65535. A colour image is taken only if its three channels are equal.
SAM3LAB_API at::Tensor read_label_raster(const std::filesystem::path& path, std::int64_t page = 0);

// Pages of a TIFF, frames of a DICOM file, 1 for other pictures.
SAM3LAB_API std::int64_t count_pages(const std::filesystem::path& path);

// [H, W] or [H, W, 1 or 3]; uint8, bool (0 and 255), or int32 in 0..65535 as 16-bit grey. Written beside `path` and renamed.
SAM3LAB_API void write_png(const std::filesystem::path& path, const at::Tensor& image);

struct Volume {
  at::Tensor voxels;                              // [I, J, K] float32, rescaled as the file says
  std::array<std::array<double, 4>, 3> affine{};  // voxel index -> mm: x to the patient's right, y anterior, z superior
  std::array<double, 3> spacing_mm = {1, 1, 1};   // along I, J, K
  std::string modality;                           // DICOM's code ("CT", "MR", "SEG"); empty where the file does not say
  std::optional<std::pair<double, double>> shown = std::nullopt;  // black and white of the file's own window, if it has one
};

// Which part of a file or folder that holds several volumes. -1: there must be one.
struct VolumePart {
  std::int64_t channel = -1;  // of a fourth axis of NIfTI, NRRD or MHA (sequences, layers of a segmentation), from 0
  std::int64_t series = -1;   // of a folder with several DICOM series: its number in the list that the refusal prints, from 1
};

// NIfTI-1 and -2 (.nii, plain or gzip), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd), a DICOM file of one or many frames, a
// folder with a DICOM series, or a DICOM segmentation (voxel = segment number; 0: none). Slices of a series are sorted by
// place; unequal sizes, orientations or distances between them are refused.
SAM3LAB_API Volume read_volume(const std::filesystem::path& path, VolumePart part = {});
// Whether a path looks like a volume: a folder, or a name that ends as those of the formats above do (.dcm among them).
SAM3LAB_API bool names_volume(const std::filesystem::path& path);

// NIfTI-1 with the affine as sform, gzip where the name ends in .gz. Voxels uint8, int16, int32, bool (as uint8) or float32 are
// written as such. Written beside `path` and renamed.
SAM3LAB_API void write_volume(const std::filesystem::path& path, const Volume& volume);

// The same volume with its axes swapped and reversed (never resampled) so that I, J, K run to the patient's right, anterior and
// superior as nearly as they can.
SAM3LAB_API Volume to_ras(const Volume& volume);

// Percentiles (0..100, linear between ranks as numpy) of all finite values of a tensor. {0, 0} if there are none.
SAM3LAB_API std::pair<double, double> percentiles(const at::Tensor& values, double low, double high);
// Values of any shape -> uint8: `low` and below is 0, `high` and above 255, rounded. NaN is 0. Needs low < high.
SAM3LAB_API at::Tensor window(const at::Tensor& values, double low, double high);

}  // namespace sam3lab
