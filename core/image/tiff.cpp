#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <tiffio.h>

#include <sam3lab/api/error.h>
#include "core/image/codecs.h"

namespace sam3lab {
namespace {

// The file in memory, as libtiff's callbacks see it, and the first thing that libtiff complained of.
struct TiffSource {
  const Bytes& bytes;
  std::uint64_t at = 0;
  std::string message;
};

TiffSource& source_of(thandle_t handle) { return *static_cast<TiffSource*>(handle); }

tmsize_t tiff_read_some(thandle_t handle, void* out, tmsize_t count) {
  auto& source = source_of(handle);
  if (source.at >= source.bytes.size() || count <= 0) return 0;
  const auto n = std::min<std::uint64_t>(static_cast<std::uint64_t>(count), source.bytes.size() - source.at);
  std::memcpy(out, source.bytes.data() + source.at, n);
  source.at += n;
  return static_cast<tmsize_t>(n);
}
tmsize_t write_none(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek_to(thandle_t handle, toff_t offset, int whence) {
  auto& source = source_of(handle);
  const std::uint64_t base = whence == SEEK_CUR ? source.at : whence == SEEK_END ? source.bytes.size() : 0;
  return source.at = base + offset;
}
int close_none(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return source_of(handle).bytes.size(); }

int tiff_on_error(TIFF*, void* user, const char*, const char* format, va_list values) {
  auto& source = *static_cast<TiffSource*>(user);
  if (!source.message.empty()) return 1;
  char text[200];
  std::vsnprintf(text, sizeof text, format, values);
  source.message = text;
  return 1;
}
int tiff_on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, CloseTiff>;

Tiff open(TiffSource& source, const std::string& name) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(), TIFFOpenOptionsFree);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), tmsize_t{1} << 30);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), tiff_on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), tiff_on_warning, nullptr);
  return Tiff(TIFFClientOpenExt(name.c_str(), "rm", &source, tiff_read_some, write_none, seek_to, close_none, size_of, nullptr,
                                nullptr, options.get()));
}

constexpr std::size_t largest_tile = std::size_t{128} << 20;  // bytes; scanners write tiles of 256 to 4096 pixels a side

struct Layout {
  std::uint32_t width = 0, height = 0;
  std::uint16_t bits = 1, samples = 1, photometric = PHOTOMETRIC_MINISBLACK, planar = PLANARCONFIG_CONTIG,
                format = SAMPLEFORMAT_UINT;
};

Layout layout_of(TIFF* tiff) {
  Layout layout;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &layout.width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &layout.height);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &layout.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &layout.samples);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &layout.photometric);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &layout.planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &layout.format);
  return layout;
}

// Copies `count` pixels of `samples` samples each, and keeps the first `kept` samples of each.
void keep_samples(const std::uint8_t* from, std::uint8_t* to, std::size_t count, std::size_t samples, std::size_t kept,
                  std::size_t sample_bytes) {
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(to + i * kept * sample_bytes, from + i * samples * sample_bytes, kept * sample_bytes);
  }
}

bool read_strips(TIFF* tiff, const Layout& layout, Pixels& pixels) {
  const std::size_t sample_bytes = layout.bits / 8U,
                    row = std::size_t{layout.width} * static_cast<std::size_t>(pixels.channels) * sample_bytes;
  const auto line_bytes = TIFFScanlineSize(tiff);
  if (line_bytes < static_cast<tmsize_t>(std::size_t{layout.width} * layout.samples * sample_bytes)) return false;
  Bytes line(static_cast<std::size_t>(line_bytes));
  for (std::uint32_t y = 0; y < layout.height; ++y) {
    if (TIFFReadScanline(tiff, line.data(), y, 0) != 1) return false;
    pixels.bytes.resize(pixels.bytes.size() + row);
    keep_samples(line.data(), pixels.bytes.data() + y * row, layout.width, layout.samples,
                 static_cast<std::size_t>(pixels.channels), sample_bytes);
  }
  return true;
}

bool read_tiles(TIFF* tiff, const Layout& layout, Pixels& pixels) {
  std::uint32_t tile_width = 0, tile_height = 0;
  TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tile_width);
  TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tile_height);
  const std::size_t sample_bytes = layout.bits / 8U, pixel = static_cast<std::size_t>(pixels.channels) * sample_bytes;
  const auto tile_bytes = TIFFTileSize(tiff);
  const std::size_t needed = std::size_t{tile_width} * tile_height * layout.samples * sample_bytes;
  if (tile_width == 0 || tile_height == 0 || tile_width > 65536 || tile_height > 65536 || needed > largest_tile ||
      tile_bytes < static_cast<tmsize_t>(needed) || tile_bytes > static_cast<tmsize_t>(largest_tile)) {
    return false;
  }
  Bytes tile(static_cast<std::size_t>(tile_bytes));
  for (std::uint32_t top = 0; top < layout.height; top += tile_height) {
    for (std::uint32_t left = 0; left < layout.width; left += tile_width) {
      if (TIFFReadTile(tiff, tile.data(), left, top, 0, 0) < 0) return false;
      // Memory follows what has been decoded, as it does for strips.
      if (left == 0) pixels.bytes.resize(std::size_t{std::min(layout.height, top + tile_height)} * layout.width * pixel);
      const auto columns = std::min(tile_width, layout.width - left), rows = std::min(tile_height, layout.height - top);
      for (std::uint32_t y = 0; y < rows; ++y) {
        keep_samples(tile.data() + std::size_t{y} * tile_width * layout.samples * sample_bytes,
                     pixels.bytes.data() + (std::size_t{top + y} * layout.width + left) * pixel, columns, layout.samples,
                     static_cast<std::size_t>(pixels.channels), sample_bytes);
      }
    }
  }
  return true;
}

// Grey and RGB as they are stored.
bool read_plain(TIFF* tiff, const Layout& layout, Pixels& pixels) {
  pixels.channels = layout.photometric == PHOTOMETRIC_RGB ? 3 : 1;
  pixels.bits = layout.bits;
  if (!(TIFFIsTiled(tiff) != 0 ? read_tiles(tiff, layout, pixels) : read_strips(tiff, layout, pixels))) return false;
  if (layout.photometric == PHOTOMETRIC_MINISWHITE) {
    for (auto& byte : pixels.bytes) byte = static_cast<std::uint8_t>(~byte);
  }
  return true;
}

// Palettes, YCbCr, single bits, separate planes: by libtiff's own conversion to 8-bit RGBA.
bool read_converted(TIFF* tiff, const Layout& layout, Pixels& pixels) {
  // In one buffer: four bytes a pixel from libtiff, three of which move to their place.
  const auto count = std::size_t{layout.width} * layout.height;
  pixels.channels = 3;
  pixels.bytes.resize(count * 4);
  auto* rgba = reinterpret_cast<std::uint32_t*>(pixels.bytes.data());
  if (TIFFReadRGBAImageOriented(tiff, layout.width, layout.height, rgba, ORIENTATION_TOPLEFT, 1) != 1) return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t pixel = 0;
    std::memcpy(&pixel, pixels.bytes.data() + 4 * i, 4);
    pixels.bytes[3 * i] = static_cast<std::uint8_t>(TIFFGetR(pixel));
    pixels.bytes[3 * i + 1] = static_cast<std::uint8_t>(TIFFGetG(pixel));
    pixels.bytes[3 * i + 2] = static_cast<std::uint8_t>(TIFFGetB(pixel));
  }
  pixels.bytes.resize(count * 3);
  return true;
}

DataError damaged(const TiffSource& source, const std::string& name) {
  return DataError(Fault{name, "not a readable TIFF: " + (source.message.empty() ? "damaged" : source.message), "", "",
                         "fetch or export the file again"});
}

}  // namespace

std::int64_t count_tiff_pages(const Bytes& bytes, const std::string& name) {
  TiffSource source{bytes, 0, ""};
  const auto tiff = open(source, name);
  if (!tiff) throw damaged(source, name);
  return TIFFNumberOfDirectories(tiff.get());
}

Pixels decode_tiff(const Bytes& bytes, const std::string& name, PixelUse use, std::int64_t page) {
  TiffSource source{bytes, 0, ""};
  const auto unsupported = [&name](const std::string& got, const std::string& expected) {
    return DataError(Fault{name, "unsupported TIFF", got, expected, "export it as PNG or as a plain TIFF"});
  };
  const auto tiff = open(source, name);
  if (!tiff) throw damaged(source, name);
  if (page != 0) {
    check_page(name, page, TIFFNumberOfDirectories(tiff.get()));
    if (TIFFSetDirectory(tiff.get(), static_cast<tdir_t>(page)) != 1) throw damaged(source, name);
  }
  const auto layout = layout_of(tiff.get());
  check_size(name, layout.height, layout.width);
  if (layout.bits > 8 && layout.bits != 16) throw unsupported(std::to_string(layout.bits) + " bits a sample", "8 or 16");
  if (layout.format != SAMPLEFORMAT_UINT) throw unsupported("signed or floating-point samples", "unsigned integers");
  if (layout.samples < 1 || layout.samples > 4)
    throw unsupported(std::to_string(layout.samples) + " samples a pixel", "1 to 4");

  const bool grey = layout.photometric == PHOTOMETRIC_MINISBLACK || layout.photometric == PHOTOMETRIC_MINISWHITE;
  const bool index = layout.photometric == PHOTOMETRIC_PALETTE && use == PixelUse::labels;
  const bool rgb = layout.photometric == PHOTOMETRIC_RGB && layout.samples >= 3;
  const bool in_one_plane = layout.planar == PLANARCONFIG_CONTIG || layout.samples == 1;
  Pixels pixels;
  pixels.height = layout.height;
  pixels.width = layout.width;
  const bool plain = (grey || rgb || index) && in_one_plane && (layout.bits == 8 || layout.bits == 16);
  if (!plain && layout.bits == 16)
    throw unsupported("16-bit samples in separate planes or odd colours", "grey or RGB, interleaved");
  if (!(plain ? read_plain(tiff.get(), layout, pixels) : read_converted(tiff.get(), layout, pixels)))
    throw damaged(source, name);
  return pixels;
}

}  // namespace sam3lab
