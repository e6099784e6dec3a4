// Numbers of a file -> float32, whatever their type and byte order.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <sam3lab/api/image.h>
#include "core/image/byte_source.h"
#include "core/image/number_type.h"

namespace sam3lab {

// How the numbers of a volume lie in a file. Axis 0 varies fastest, or after `channels` where these are interleaved.
struct VoxelLayout {
  NumberType type = NumberType::u8;
  bool swap = false;            // bytes in the other order than this machine's
  double slope = 1, inter = 0;  // value = stored * slope + inter
  std::array<std::int64_t, 3> shape = {1, 1, 1};
  std::int64_t channels = 1, channel = 0;  // of the file; the one that is wanted
  bool interleaved = false;                // channels vary fastest; otherwise they stand one after the other
};

// Throws DataError unless all sizes are at least 1 and voxels and channels together at most max_voxels. Gives their product.
std::int64_t checked_count(const std::string& name, const std::vector<std::int64_t>& sizes);
// Channel `wanted` (-1: there must be one) of `channels`, checked.
std::int64_t checked_channel(const std::string& name, std::int64_t wanted, std::int64_t channels);

// [I, J, K] float32, read from `source` to its end of the wanted channel.
at::Tensor read_voxels(ByteSource& source, const VoxelLayout& layout);
// The same from numbers written as text.
at::Tensor read_text_voxels(ByteSource& source, const VoxelLayout& layout);

using Affine = std::array<std::array<double, 4>, 3>;
// Sets the affine and the spacing that follows from it. DataError for one that cannot be inverted.
void set_affine(Volume& volume, const Affine& affine, const std::string& name);
// Between x to the left, y to the back (DICOM, ITK) and x to the right, y to the front.
Affine from_lps(Affine affine);

}  // namespace sam3lab
