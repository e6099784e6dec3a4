#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
#include <jerror.h>

#include <sam3lab/api/error.h>
#include "core/image/codecs.h"

// libjpeg reports errors by longjmp. The functions that it may leave so (marked below) hold nothing that needs a destructor.
namespace sam3lab {
namespace {

// A progressive file is held as coefficients until its last scan. What the file can fill, and no more: a block of 64
// coefficients of 2 bytes takes at least one bit of it. Scans are limited too, because each goes over the whole image.
constexpr std::size_t bytes_for_a_byte = 1024, bytes_for_any = std::size_t{64} << 20;
constexpr int most_scans = 500;

struct JpegReader {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX] = "";
  ~JpegReader() { jpeg_destroy_decompress(&jpeg); }
};

[[noreturn]] void jpeg_on_error(j_common_ptr common) {
  auto* reader = static_cast<JpegReader*>(common->client_data);
  (*common->err->format_message)(common, reader->message);
  std::longjmp(reader->jump, 1);
}

// libjpeg fills what a cut file lacks with grey and merely warns. Here that ends the reading.
void on_message(j_common_ptr common, int level) {
  const auto code = common->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) jpeg_on_error(common);
}

void on_progress(j_common_ptr common) {
  auto* reader = static_cast<JpegReader*>(common->client_data);
  if (reader->jpeg.input_scan_number <= most_scans) return;
  std::snprintf(reader->message, sizeof reader->message, "more than %d scans", most_scans);
  std::longjmp(reader->jump, 1);
}

// longjmp may leave this
bool jpeg_read_head(JpegReader& reader, const std::uint8_t* data, std::size_t size) {
  if (setjmp(reader.jump) != 0) return false;
  jpeg_create_decompress(&reader.jpeg);
  reader.jpeg.client_data = &reader;
  reader.progress.progress_monitor = on_progress;
  reader.jpeg.progress = &reader.progress;
  reader.jpeg.mem->max_memory_to_use = static_cast<long>(bytes_for_any + bytes_for_a_byte * size);
  jpeg_mem_src(&reader.jpeg, data, size);
  jpeg_read_header(&reader.jpeg, TRUE);
  return true;
}

// longjmp may leave this
bool start(JpegReader& reader) {
  if (setjmp(reader.jump) != 0) return false;
  reader.jpeg.out_color_space = reader.jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&reader.jpeg);
  return true;
}

// longjmp may leave this
bool read_row(JpegReader& reader, JSAMPROW row) {
  if (setjmp(reader.jump) != 0) return false;
  return jpeg_read_scanlines(&reader.jpeg, &row, 1) == 1;
}

// longjmp may leave this
bool finish(JpegReader& reader) {
  if (setjmp(reader.jump) != 0) return false;
  jpeg_finish_decompress(&reader.jpeg);
  return true;
}

}  // namespace

Pixels decode_jpeg(const Bytes& bytes, const std::string& name) {
  JpegReader reader;
  reader.jpeg.err = jpeg_std_error(&reader.errors);
  reader.errors.error_exit = jpeg_on_error;
  reader.errors.emit_message = on_message;
  reader.jpeg.client_data = &reader;
  const auto damaged = [&] {
    return DataError(
        Fault{name, std::string("not a readable JPEG: ") + reader.message, "", "", "fetch or export the file again"});
  };
  if (!jpeg_read_head(reader, bytes.data(), bytes.size())) throw damaged();
  check_size(name, reader.jpeg.image_height, reader.jpeg.image_width);
  if (reader.jpeg.num_components != 1 && reader.jpeg.num_components != 3) {
    throw DataError(Fault{name, "unsupported JPEG", std::to_string(reader.jpeg.num_components) + " colour components",
                          "grey or three colours", "convert it to RGB"});
  }
  if (!start(reader)) throw damaged();
  Pixels pixels;
  pixels.height = reader.jpeg.output_height;
  pixels.width = reader.jpeg.output_width;
  pixels.channels = reader.jpeg.output_components;
  const auto row_bytes = static_cast<std::size_t>(pixels.width * pixels.channels);
  // Memory follows what has been decoded, so that a small file with a large header takes little.
  for (std::int64_t row = 0; row < pixels.height; ++row) {
    pixels.bytes.resize(pixels.bytes.size() + row_bytes);
    if (!read_row(reader, pixels.bytes.data() + pixels.bytes.size() - row_bytes)) throw damaged();
  }
  if (!finish(reader)) throw damaged();
  return pixels;
}

}  // namespace sam3lab
