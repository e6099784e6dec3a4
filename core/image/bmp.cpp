// Windows and OS/2 bitmaps: 1, 4, 8 (plain or run-length), 16, 24 and 32 bits a pixel.
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>

#include <sam3lab/api/error.h>
#include "core/image/codecs.h"

namespace sam3lab {
namespace {

enum Compression : std::uint32_t { plain = 0, run_length_8 = 1, run_length_4 = 2, bit_fields = 3, alpha_bit_fields = 6 };

struct BmpHeader {
  std::uint32_t data_offset = 0, info_size = 0, compression = plain, colours = 0, bits = 0;
  std::int64_t width = 0, height = 0;
  bool top_down = false;
  std::array<std::uint32_t, 3> masks = {};
};

class BmpDecoder {
 public:
  BmpDecoder(const Bytes& bytes, const std::string& name, PixelUse use) : bytes_(bytes), name_(name), use_(use) {}

  Pixels decode() {
    read_header();
    if (header_.bits <= 8) read_palette();
    Pixels pixels{header_.height, header_.width, channels(), 8, {}};
    if (header_.compression == run_length_8 || header_.compression == run_length_4) {
      const auto indices = run_lengths();
      pixels.bytes = coloured(indices);
    } else {
      read_rows(pixels);
    }
    return pixels;
  }

 private:
  [[nodiscard]] DataError damaged(const std::string& got) const {
    return DataError(Fault{name_, "not a readable BMP", got, "", "fetch or export the file again"});
  }
  [[nodiscard]] DataError unsupported(const std::string& got, const std::string& expected) const {
    return DataError(Fault{name_, "unsupported BMP", got, expected, "export it as PNG"});
  }

  template <class T>
  [[nodiscard]] T at(std::size_t offset) const {
    if (offset > bytes_.size() || sizeof(T) > bytes_.size() - offset) throw damaged("the file ends early");
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value | (static_cast<T>(bytes_[offset + i]) << (8 * i)));
    return value;
  }

  void read_header() {
    header_.data_offset = at<std::uint32_t>(10);
    header_.info_size = at<std::uint32_t>(14);
    if (header_.info_size == 12) {  // OS/2
      header_.width = at<std::uint16_t>(18);
      header_.height = at<std::uint16_t>(20);
      header_.bits = at<std::uint16_t>(24);
    } else if (header_.info_size >= 40 && header_.info_size <= 124) {
      header_.width = static_cast<std::int32_t>(at<std::uint32_t>(18));
      header_.height = static_cast<std::int32_t>(at<std::uint32_t>(22));
      header_.top_down = header_.height < 0;
      header_.height = std::abs(header_.height);
      header_.bits = at<std::uint16_t>(28);
      header_.compression = at<std::uint32_t>(30);
      header_.colours = at<std::uint32_t>(46);
    } else {
      throw unsupported("a header of " + std::to_string(header_.info_size) + " bytes", "12 or 40 to 124");
    }
    if (header_.width < 0) throw damaged("a negative width");
    check_size(name_, static_cast<std::uint64_t>(header_.height), static_cast<std::uint64_t>(header_.width));
    check_kind();
  }

  void check_kind() {
    const auto bits = header_.bits, compression = header_.compression;
    const bool depth = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
    if (!depth) throw unsupported(std::to_string(bits) + " bits a pixel", "1, 4, 8, 16, 24 or 32");
    const bool packed = (compression == run_length_8 && bits == 8) || (compression == run_length_4 && bits == 4);
    const bool masked = (compression == bit_fields || compression == alpha_bit_fields) && (bits == 16 || bits == 32);
    if (compression != plain && !packed && !masked)
      throw unsupported("compression " + std::to_string(compression), "none, run lengths or bit fields");
    if (packed && header_.top_down) throw damaged("run lengths from the top down");
    header_.masks =
        bits == 16 ? std::array<std::uint32_t, 3>{0x7c00, 0x3e0, 0x1f} : std::array<std::uint32_t, 3>{0xff0000, 0xff00, 0xff};
    if (!masked) return;
    for (std::size_t i = 0; i < 3; ++i) {
      header_.masks[i] = at<std::uint32_t>(54 + 4 * i);
      if (header_.masks[i] == 0) throw damaged("a colour without bits");
    }
  }

  void read_palette() {
    const std::size_t entry = header_.info_size == 12 ? 3 : 4, most = std::size_t{1} << header_.bits;
    const auto count = header_.colours == 0 ? most : std::min<std::size_t>(header_.colours, most);
    std::size_t from = 14 + std::size_t{header_.info_size};
    palette_.assign(most * 3, 0);
    grey_ = true;
    for (std::size_t i = 0; i < count; ++i, from += entry) {
      // Old writers leave out colours that no pixel uses.
      if (from + entry > bytes_.size() || from + entry > header_.data_offset) break;
      for (std::size_t c = 0; c < 3; ++c) palette_[3 * i + c] = bytes_[from + 2 - c];
      grey_ = grey_ && palette_[3 * i] == palette_[3 * i + 1] && palette_[3 * i] == palette_[3 * i + 2];
    }
  }

  [[nodiscard]] std::int64_t channels() const {
    if (header_.bits > 8) return 3;
    return use_ == PixelUse::labels || grey_ ? 1 : 3;
  }

  void put(std::uint8_t index, std::uint8_t* to) const {
    if (use_ == PixelUse::labels) {
      *to = index;
    } else {
      std::memcpy(to, palette_.data() + std::size_t{3} * index, grey_ ? 1 : 3);
    }
  }

  [[nodiscard]] Bytes coloured(const Bytes& indices) const {
    const auto width = static_cast<std::size_t>(channels());
    Bytes out(indices.size() * width);
    for (std::size_t i = 0; i < indices.size(); ++i) put(indices[i], out.data() + i * width);
    return out;
  }

  void read_rows(Pixels& pixels) const {
    const auto width = static_cast<std::size_t>(pixels.width), height = static_cast<std::size_t>(pixels.height);
    const std::size_t stride = (width * header_.bits + 31) / 32 * 4, row_bytes = (width * header_.bits + 7) / 8;
    const auto out_row = width * static_cast<std::size_t>(pixels.channels);
    // The last row need not be padded.
    if (header_.data_offset > bytes_.size() || stride * (height - 1) + row_bytes > bytes_.size() - header_.data_offset)
      throw damaged("the file ends early");
    pixels.bytes.resize(out_row * height);
    for (std::size_t y = 0; y < height; ++y) {
      const auto* from = bytes_.data() + header_.data_offset + y * stride;
      read_row(from, pixels.bytes.data() + (header_.top_down ? y : height - 1 - y) * out_row, width);
    }
  }

  void read_row(const std::uint8_t* from, std::uint8_t* to, std::size_t width) const {
    if (header_.bits <= 8) {
      const std::size_t in_byte = 8 / header_.bits, step = channels() == 3 ? 3 : 1;
      const auto mask = static_cast<std::uint8_t>((1U << header_.bits) - 1);
      for (std::size_t x = 0; x < width; ++x) {
        const auto shift = 8 - header_.bits * (x % in_byte + 1);
        put(static_cast<std::uint8_t>(from[x / in_byte] >> shift) & mask, to + x * step);
      }
      return;
    }
    const std::size_t size = header_.bits / 8;
    for (std::size_t x = 0; x < width; ++x, from += size, to += 3) {
      if (size == 3) {
        to[0] = from[2], to[1] = from[1], to[2] = from[0];
        continue;
      }
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < size; ++i) value |= std::uint32_t{from[i]} << (8 * i);
      for (std::size_t c = 0; c < 3; ++c) to[c] = scaled(value, header_.masks[c]);
    }
  }

  static std::uint8_t scaled(std::uint32_t value, std::uint32_t mask) {
    const auto shift = std::countr_zero(mask);
    const std::uint64_t most = mask >> shift;
    return static_cast<std::uint8_t>(((std::uint64_t{value & mask} >> shift) * 255 + most / 2) / most);
  }

  // Escape 0: end of line; 1: end of image; 2: a step right and up; 3 and more: that many pixels as they are.
  [[nodiscard]] Bytes run_lengths() const {
    const auto width = static_cast<std::size_t>(header_.width), height = static_cast<std::size_t>(header_.height);
    const bool half = header_.bits == 4;
    // A byte of the file gives at most 128 pixels; what is skipped is 0 and needs none.
    if (width * height > (std::size_t{1} << 26) && width * height / 128 > bytes_.size())
      throw damaged("too large for its data");
    Bytes out(width * height, 0);
    std::size_t x = 0, y = 0, from = header_.data_offset;
    const auto set = [&](std::uint8_t value) {
      if (x >= width || y >= height) throw damaged("a run past the edge");
      out[(height - 1 - y) * width + x++] = value;
    };
    for (;;) {
      const auto count = at<std::uint8_t>(from), value = at<std::uint8_t>(from + 1);
      from += 2;
      if (count > 0) {
        for (std::size_t i = 0; i < count; ++i) set(half ? (i % 2 == 0 ? value >> 4 : value & 15) : value);
      } else if (value == 0) {
        x = 0, ++y;
      } else if (value == 1) {
        return out;
      } else if (value == 2) {
        x += at<std::uint8_t>(from), y += at<std::uint8_t>(from + 1), from += 2;
      } else {
        const std::size_t bytes = half ? (value + 1U) / 2 : value;
        for (std::size_t i = 0; i < value; ++i) {
          const auto pair = at<std::uint8_t>(from + (half ? i / 2 : i));
          set(half ? (i % 2 == 0 ? pair >> 4 : pair & 15) : pair);
        }
        from += bytes + bytes % 2;
      }
    }
  }

  const Bytes& bytes_;
  const std::string& name_;
  PixelUse use_;
  BmpHeader header_;
  Bytes palette_;  // red, green, blue of each index; black for those that the file leaves out
  bool grey_ = false;
};

}  // namespace

Pixels decode_bmp(const Bytes& bytes, const std::string& name, PixelUse use) { return BmpDecoder(bytes, name, use).decode(); }

}  // namespace sam3lab
