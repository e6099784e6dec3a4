#include <csetjmp>
#include <cstring>

#include <png.h>

#include <sam3lab/api/error.h>
#include "core/image/codecs.h"

// libpng reports errors by longjmp. The functions that it may leave so (marked below) hold nothing that needs a destructor.
namespace sam3lab {
namespace {

struct PngReader {
  std::jmp_buf jump;
  const std::uint8_t* data = nullptr;
  std::size_t size = 0, at = 0;
  char message[160] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
};

struct Writer {
  std::jmp_buf jump;
  Bytes out;
  char message[160] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Writer() { png_destroy_write_struct(&png, &info); }
};

template <class State>
[[noreturn]] void png_on_error(png_structp png, png_const_charp text) {
  auto* state = static_cast<State*>(png_get_error_ptr(png));
  std::strncpy(state->message, text, sizeof state->message - 1);
  std::longjmp(state->jump, 1);
}
void png_on_warning(png_structp, png_const_charp) {}

void take_bytes(png_structp png, png_bytep out, std::size_t count) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (count > reader->size - reader->at) png_error(png, "the file ends early");
  std::memcpy(out, reader->data + reader->at, count);
  reader->at += count;
}

// longjmp may leave this
bool png_read_head(PngReader& reader, PixelUse use) {
  if (setjmp(reader.jump) != 0) return false;
  png_set_read_fn(reader.png, &reader, take_bytes);
  png_read_info(reader.png, reader.info);
  const auto colour = png_get_color_type(reader.png, reader.info);
  if (use == PixelUse::labels) {
    png_set_packing(reader.png);
  } else {
    if (colour == PNG_COLOR_TYPE_PALETTE) {
      png_set_palette_to_rgb(reader.png);
      png_set_strip_alpha(reader.png);  // a palette's transparency would become a fourth channel
    }
    if (colour == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(reader.png);
  }
  if ((colour & PNG_COLOR_MASK_ALPHA) != 0) png_set_strip_alpha(reader.png);
  const std::uint16_t probe = 1;
  unsigned char first = 0;
  std::memcpy(&first, &probe, 1);
  if (first == 1) png_set_swap(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

// longjmp may leave this
bool read_rows(PngReader& reader, png_bytepp rows) {
  if (setjmp(reader.jump) != 0) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

// longjmp may leave this
bool write_rows(Writer& writer, const Pixels& pixels, png_bytepp rows) {
  if (setjmp(writer.jump) != 0) return false;
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(pixels.width), static_cast<png_uint_32>(pixels.height),
               pixels.bits, pixels.channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(writer.png, 6);
  png_write_info(writer.png, writer.info);
  const std::uint16_t probe = 1;
  unsigned char first = 0;
  std::memcpy(&first, &probe, 1);
  if (pixels.bits == 16 && first == 1) png_set_swap(writer.png);
  png_write_image(writer.png, rows);
  png_write_end(writer.png, nullptr);
  return true;
}

void give_bytes(png_structp png, png_bytep data, std::size_t count) {
  auto* writer = static_cast<Writer*>(png_get_io_ptr(png));
  writer->out.insert(writer->out.end(), data, data + count);
}

std::vector<png_bytep> row_pointers(std::uint8_t* bytes, std::int64_t height, std::size_t row_bytes) {
  std::vector<png_bytep> rows(static_cast<std::size_t>(height));
  for (std::size_t row = 0; row < rows.size(); ++row) rows[row] = bytes + row * row_bytes;
  return rows;
}

}  // namespace

Pixels decode_png(const Bytes& bytes, const std::string& name, PixelUse use) {
  const auto damaged = [&name](const char* why) {
    return DataError(Fault{name, std::string("not a readable PNG: ") + why, "", "", "fetch or export the file again"});
  };
  PngReader reader;
  reader.data = bytes.data();
  reader.size = bytes.size();
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, png_on_error<PngReader>, png_on_warning);
  if (reader.png == nullptr) throw damaged("libpng does not start");
  reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) throw damaged("libpng does not start");
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);
  if (!png_read_head(reader, use)) throw damaged(reader.message);

  Pixels pixels;
  pixels.height = png_get_image_height(reader.png, reader.info);
  pixels.width = png_get_image_width(reader.png, reader.info);
  pixels.channels = png_get_channels(reader.png, reader.info);
  pixels.bits = png_get_bit_depth(reader.png, reader.info);
  check_size(name, static_cast<std::uint64_t>(pixels.height), static_cast<std::uint64_t>(pixels.width));
  if ((pixels.channels != 1 && pixels.channels != 3) || (pixels.bits != 8 && pixels.bits != 16)) throw damaged("odd channels");
  const auto row_bytes = png_get_rowbytes(reader.png, reader.info);
  if (row_bytes != static_cast<std::size_t>(pixels.width * pixels.channels * (pixels.bits / 8))) throw damaged("odd row size");
  const auto total = row_bytes * static_cast<std::size_t>(pixels.height);
  // Deflate shrinks 1032 times at best; a bit that is unpacked to a colour gives 24 more.
  if (total / 24 / 1032 > bytes.size()) throw damaged("its header promises more pixels than the file can hold");
  pixels.bytes.resize(total);
  auto rows = row_pointers(pixels.bytes.data(), pixels.height, row_bytes);
  if (!read_rows(reader, rows.data())) throw damaged(reader.message);
  return pixels;
}

Bytes encode_png(const Pixels& pixels, const std::string& name) {
  Writer writer;
  writer.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &writer, png_on_error<Writer>, png_on_warning);
  if (writer.png != nullptr) writer.info = png_create_info_struct(writer.png);
  if (writer.info == nullptr) throw DataError(Fault{name, "cannot be written: libpng does not start", "", "", ""});
  png_set_write_fn(writer.png, &writer, give_bytes, [](png_structp) {});
  auto bytes = pixels.bytes;
  auto rows =
      row_pointers(bytes.data(), pixels.height, static_cast<std::size_t>(pixels.width * pixels.channels * (pixels.bits / 8)));
  if (!write_rows(writer, pixels, rows.data())) throw DataError(Fault{name, writer.message, "", "", ""});
  return std::move(writer.out);
}

}  // namespace sam3lab
