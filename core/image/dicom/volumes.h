// Frames -> volumes: as bytes, see reader.h.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/image/dicom/file.h"
#include "core/image/dicom/reader.h"

namespace sam3lab::dicom {

// Where the frames of a volume lie: order[k] is the frame of slice k.
struct Grid {
  std::vector<std::size_t> order;
  std::array<std::array<double, 4>, 3> affine = {};
};
// Frames without places are stacked in their order if `may_lack_places`. DataError where they do not form one grid.
Grid arrange(const std::string& name, const std::vector<Frame>& frames, bool may_lack_places);

// Directions along a row, down a column, and their normal.
std::array<Vector, 3> axes_of(const std::string& name, const Place& place);
double dot(const Vector& a, const Vector& b);
double between_slices(const Place& place);  // mm, 1 if the file does not say

// The bytes of a volume whose voxels are yet to be written, and where to.
struct VolumeBytes {
  VolumeBytes(const File& file, std::int64_t slices, const std::array<std::array<double, 4>, 3>& affine);
  [[nodiscard]] char* slice(std::int64_t k) {
    return bytes.data() + sizeof(VolumeHead) + static_cast<std::size_t>(k) * slice_bytes;
  }
  std::size_t slice_bytes;
  std::string bytes;
};

std::string file_volume(const File& file);
std::string segmentation_volume(const File& file);
std::string series_volume(const std::string& folder, const std::vector<std::filesystem::path>& files, std::int64_t wanted);

}  // namespace sam3lab::dicom
