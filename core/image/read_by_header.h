// The two ways to read a format of volumes whose header says everything: `Header` is made from a source and the file's path,
// and has affine(), channels(), layout(part) and voxels(source, part).
#pragma once
#include <filesystem>
#include <vector>

#include "core/image/byte_source.h"
#include "core/image/header_text.h"
#include "core/image/volume_formats.h"
#include "core/image/voxels.h"

namespace sam3lab {

template <class Header>
Volume volume_by_header(const std::filesystem::path& path, const VolumePart& part) {
  FileSource source(path);
  const Header header(source, path);
  Volume volume;
  set_affine(volume, header.affine(), path.string());
  volume.voxels = header.voxels(source, part);
  return volume;
}

// Three channels are colours; of other numbers there must be one.
template <class Header>
Pixels pixels_by_header(const std::filesystem::path& path) {
  std::vector<at::Tensor> channels;
  NumberType type = NumberType::u8;
  for (std::int64_t i = 0, n = 1; i < n; ++i) {
    FileSource source(path);
    const Header header(source, path);
    n = header.channels() == 3 ? 3 : 1;
    const VolumePart part{n == 3 ? i : -1};
    type = header.layout(part).type;
    channels.push_back(header.voxels(source, part));
  }
  return image_of_volumes(channels, type, path.string());
}

}  // namespace sam3lab
