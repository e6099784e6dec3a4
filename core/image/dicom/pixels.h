// Pixel values of frames, as numbers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/image/dicom/file.h"

namespace sam3lab::dicom {

// Stored values of one frame, channels interleaved, with what their colours are by then ("MONOCHROME2", "RGB", ...).
struct Stored {
  std::vector<std::int32_t> values;
  std::string photometric;
};

class PixelReader {
 public:
  explicit PixelReader(const File& file);
  Stored frame(std::int64_t index);

 private:
  Stored single_bits(std::int64_t index);
  const File& file_;
  DcmElement* element_ = nullptr;
  bool interleaved_ = true;
  Uint32 next_fragment_ = 0;
  std::int64_t next_frame_ = 0;
  std::vector<std::uint16_t> buffer_;
};

// Luminance and colour differences -> red, green, blue (PS3.3 C.7.6.3.1.2), in place.
void to_rgb(std::vector<std::int32_t>& values);

// A lookup table of the file (PS3.3 C.11.1, C.11.2, C.7.9), bits: of its values.
struct Table {
  std::int64_t first = 0;
  int bits = 8;
  std::vector<std::uint16_t> values;
  [[nodiscard]] std::uint16_t at(std::int64_t stored) const;  // ends beyond the ends
};
std::optional<Table> read_table(DcmItem& item, const DcmTagKey& descriptor, const DcmTagKey& data, bool is_signed);

}  // namespace sam3lab::dicom
