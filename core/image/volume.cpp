#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include "core/image/byte_source.h"
#include "core/image/dicom.h"
#include "core/image/volume_formats.h"

namespace sam3lab {
namespace {

Volume read_possibly_packed(const std::filesystem::path& path, bool packed, const VolumePart& part) {
  FileSource file(path);
  if (!packed) return read_nifti(file, file.size(), part);
  UnpackedSource unpacked(file, Packing::gzip_or_zlib);
  return read_nifti(unpacked, file.size(), part);
}

}  // namespace

Volume read_volume(const std::filesystem::path& path, VolumePart part) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return read_dicom_volume(path, part);
  const auto begin = first_bytes(path, 132);
  if (is_dicom(begin)) return read_dicom_volume(path, part);
  if (is_nrrd(begin)) return read_nrrd(path, part);
  if (is_meta_image(begin)) return read_meta_image(path, part);
  return read_possibly_packed(path, is_gzip(begin), part);
}

bool names_volume(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return true;
  auto name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::array endings = {".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm"};
  return std::any_of(endings.begin(), endings.end(), [&name](const char* ending) { return name.ends_with(ending); });
}

Volume to_ras(const Volume& volume) {
  const auto cosine = [&volume](std::size_t world, std::size_t axis) {
    return volume.affine[world][axis] / volume.spacing_mm[axis];
  };
  std::array<std::size_t, 3> order = {0, 1, 2}, best = order;
  double best_fit = -1.0;
  do {
    double fit = 0;
    for (std::size_t world = 0; world < 3; ++world) fit += std::abs(cosine(world, order[world]));
    if (fit > best_fit + 1e-9) best_fit = fit, best = order;
  } while (std::next_permutation(order.begin(), order.end()));

  Volume out;
  auto voxels = volume.voxels.permute(
      {static_cast<std::int64_t>(best[0]), static_cast<std::int64_t>(best[1]), static_cast<std::int64_t>(best[2])});
  for (std::size_t row = 0; row < 3; ++row) out.affine[row][3] = volume.affine[row][3];
  std::vector<std::int64_t> reversed;
  for (std::size_t world = 0; world < 3; ++world) {
    const auto axis = best[world];
    out.spacing_mm[world] = volume.spacing_mm[axis];
    const bool flip = cosine(world, axis) < 0;
    if (flip) reversed.push_back(static_cast<std::int64_t>(world));
    const auto last = static_cast<double>(volume.voxels.size(static_cast<std::int64_t>(axis)) - 1);
    for (std::size_t row = 0; row < 3; ++row) {
      out.affine[row][world] = flip ? -volume.affine[row][axis] : volume.affine[row][axis];
      if (flip) out.affine[row][3] += volume.affine[row][axis] * last;
    }
  }
  out.voxels = (reversed.empty() ? voxels : voxels.flip(reversed)).contiguous();
  return out;
}

}  // namespace sam3lab
