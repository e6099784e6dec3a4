// File formats of images: bytes in, pixels out. `name` is the file's, for messages.
#pragma once
#include <cstdint>
#include <string>

#include "core/image/file.h"

namespace sam3lab {

// Row-major, channels interleaved; 16-bit samples in the machine's byte order.
struct Pixels {
  std::int64_t height = 0, width = 0, channels = 0;
  int bits = 8;
  Bytes bytes;
};

// What the pixels are for: an image to look at, or labels, whose stored values count (a palette's index, not its colour).
enum class PixelUse { image, labels };

Pixels decode_png(const Bytes& bytes, const std::string& name, PixelUse use);
Pixels decode_jpeg(const Bytes& bytes, const std::string& name);
Pixels decode_tiff(const Bytes& bytes, const std::string& name, PixelUse use, std::int64_t page = 0);
std::int64_t count_tiff_pages(const Bytes& bytes, const std::string& name);
Pixels decode_bmp(const Bytes& bytes, const std::string& name, PixelUse use);
Pixels decode_gif(const Bytes& bytes, const std::string& name, PixelUse use);  // the first frame
Pixels decode_pnm(const Bytes& bytes, const std::string& name, PixelUse use);
Bytes encode_png(const Pixels& pixels, const std::string& name);

// Throws DataError unless 1 <= height, width <= max_side and their product <= max_pixels.
void check_size(const std::string& name, std::uint64_t height, std::uint64_t width);
// Throws DataError unless 0 <= page < pages.
void check_page(const std::string& name, std::int64_t page, std::int64_t pages);

}  // namespace sam3lab
