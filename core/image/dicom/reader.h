// What the library libsam3lab_dicom.so offers: DCMTK behind one interface. Its functions run in a child process, because DCMTK
// does not survive every damaged file; what they return is bytes, for the pipe.
#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/image/codecs.h"

namespace sam3lab::dicom {

// Head of an image's bytes: height x width x channels samples of `bits` bits follow, row by row, channels interleaved.
struct PictureHead {
  std::int64_t height = 0, width = 0, channels = 0, bits = 0;
};

// Head of a volume's bytes: float32 voxels follow, the first axis (columns) varying fastest.
struct VolumeHead {
  std::array<std::int64_t, 3> shape = {};
  std::array<std::array<double, 4>, 3> affine = {};  // of DICOM's own world: x to the left, y to the back
  std::array<char, 8> modality = {};
  double low = 0, high = 0;  // of the file's window; equal if it has none
};

class Reader {
 public:
  virtual ~Reader() = default;
  [[nodiscard]] virtual std::string image(const std::filesystem::path& file, PixelUse use, std::int64_t frame) const = 0;
  [[nodiscard]] virtual std::string volume(const std::filesystem::path& file) const = 0;
  // `files`: those of a folder that are DICOM. `series`: from 1, or -1 for the only one.
  [[nodiscard]] virtual std::string series(const std::string& folder, const std::vector<std::filesystem::path>& files,
                                           std::int64_t series) const = 0;
  [[nodiscard]] virtual std::int64_t frames(const std::filesystem::path& file) const = 0;
};

}  // namespace sam3lab::dicom

// The library's one symbol. Lives as long as the program.
extern "C" const sam3lab::dicom::Reader* sam3lab_dicom_reader();
