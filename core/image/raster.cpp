#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "core/base/atomic_file.h"
#include "core/image/byte_source.h"
#include "core/image/codecs.h"
#include "core/image/dicom.h"
#include "core/image/volume_formats.h"

namespace sam3lab {
namespace {

enum class Format { png, jpeg, tiff, bmp, gif, pnm, dicom, nrrd, meta_image, gzip, unknown };

Format format_of(std::string_view begin) {
  using namespace std::string_view_literals;
  if (is_dicom(begin)) return Format::dicom;  // what stands before its mark may be the head of a TIFF
  if (begin.starts_with("\x89PNG"sv)) return Format::png;
  if (begin.starts_with("\xff\xd8"sv)) return Format::jpeg;
  for (const auto mark : {"II\x2a\0"sv, "MM\0\x2a"sv, "II\x2b\0"sv, "MM\0\x2b"sv})
    if (begin.starts_with(mark)) return Format::tiff;
  if (begin.starts_with("BM"sv)) return Format::bmp;
  if (begin.starts_with("GIF87a"sv) || begin.starts_with("GIF89a"sv)) return Format::gif;
  if (begin.size() > 2 && begin[0] == 'P' && begin[1] >= '1' && begin[1] <= '6' && std::strchr(" \t\r\n#", begin[2]) != nullptr)
    return Format::pnm;
  if (is_gzip(begin)) return Format::gzip;
  if (is_nrrd(begin)) return Format::nrrd;
  if (is_meta_image(begin)) return Format::meta_image;
  return Format::unknown;
}

constexpr std::size_t needed_to_tell = 132, most_unpacked = std::size_t{1} << 30;

std::string_view begin_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), needed_to_tell)};
}

Bytes whole(const std::filesystem::path& path) {
  auto bytes = read_file(path);
  return is_gzip(begin_of(bytes)) ? gunzip(bytes, path.string(), most_unpacked) : bytes;
}

Pixels decode(const Bytes& bytes, const std::string& name, PixelUse use, std::int64_t page) {
  const auto format = format_of(begin_of(bytes));
  if (format != Format::tiff) check_page(name, page, 1);
  switch (format) {
    case Format::png:
      return decode_png(bytes, name, use);
    case Format::jpeg:
      if (use == PixelUse::labels) {
        throw DataError(Fault{name, "a JPEG does not keep label values", "JPEG", "PNG or TIFF", "export the labels as PNG"});
      }
      return decode_jpeg(bytes, name);
    case Format::tiff:
      return decode_tiff(bytes, name, use, page);
    case Format::bmp:
      return decode_bmp(bytes, name, use);
    case Format::gif:
      return decode_gif(bytes, name, use);
    case Format::pnm:
      return decode_pnm(bytes, name, use);
    default:
      throw DataError(Fault{name, bytes.empty() ? "empty file" : "unknown image format", "",
                            "PNG, JPEG, TIFF, BMP, GIF, PBM, PGM, PPM, DICOM, MHA or NRRD", ""});
  }
}

Pixels read_pixels(const std::filesystem::path& path, PixelUse use, std::int64_t page) {
  switch (format_of(first_bytes(path, needed_to_tell))) {
    case Format::dicom:
      return read_dicom_pixels(path, use, page);
    case Format::nrrd:
      check_page(path.string(), page, 1);
      return read_nrrd_pixels(path);
    case Format::meta_image:
      check_page(path.string(), page, 1);
      return read_meta_pixels(path);
    default:
      return decode(whole(path), path.string(), use, page);
  }
}

at::Tensor to_tensor(const Pixels& pixels) {
  const std::vector<std::int64_t> shape = {pixels.height, pixels.width, pixels.channels};
  if (pixels.bits == 8) {
    auto out = torch::empty(shape, torch::kUInt8);
    std::memcpy(out.data_ptr<std::uint8_t>(), pixels.bytes.data(), pixels.bytes.size());
    return out;
  }
  auto out = torch::empty(shape, torch::kInt32);
  auto* to = out.data_ptr<std::int32_t>();
  for (std::size_t i = 0; i < pixels.bytes.size() / 2; ++i) {
    std::uint16_t value = 0;
    std::memcpy(&value, pixels.bytes.data() + 2 * i, 2);
    to[i] = value;
  }
  return out;
}

Pixels from_tensor(const at::Tensor& image) {
  auto values = (image.scalar_type() == torch::kBool ? image.to(torch::kUInt8) * 255 : image).cpu().contiguous();
  TORCH_CHECK(values.dim() == 2 || (values.dim() == 3 && (values.size(2) == 1 || values.size(2) == 3)),
              "write_png: [H, W] or [H, W, 1 or 3]");
  Pixels pixels{values.size(0), values.size(1), values.dim() == 2 ? 1 : values.size(2), 8, {}};
  const auto count = static_cast<std::size_t>(values.numel());
  if (values.scalar_type() == torch::kUInt8) {
    pixels.bytes.assign(values.data_ptr<std::uint8_t>(), values.data_ptr<std::uint8_t>() + count);
    return pixels;
  }
  TORCH_CHECK(values.scalar_type() == torch::kInt32, "write_png: uint8, bool or int32");
  pixels.bits = 16;
  pixels.bytes.resize(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::uint16_t>(std::clamp(values.data_ptr<std::int32_t>()[i], 0, 65535));
    std::memcpy(pixels.bytes.data() + 2 * i, &value, 2);
  }
  return pixels;
}

}  // namespace

void check_size(const std::string& name, std::uint64_t height, std::uint64_t width) {
  const auto side = static_cast<std::uint64_t>(max_side), area = static_cast<std::uint64_t>(max_pixels);
  if (height >= 1 && width >= 1 && height <= side && width <= side && height * width <= area) return;
  throw DataError(
      Fault{name, "image of a size that is not read", std::to_string(height) + " x " + std::to_string(width),
            "1 to " + std::to_string(max_side) + " pixels a side and at most " + std::to_string(max_pixels) + " in all",
            "cut it into tiles"});
}

void check_page(const std::string& name, std::int64_t page, std::int64_t pages) {
  if (page >= 0 && page < pages) return;
  throw DataError(Fault{name, "no such page", std::to_string(page), "0.." + std::to_string(pages - 1), ""});
}

std::int64_t count_pages(const std::filesystem::path& path) {
  const auto format = format_of(first_bytes(path, needed_to_tell));
  if (format == Format::dicom) return count_dicom_frames(path);
  if (format != Format::tiff && format != Format::gzip) return 1;
  const auto bytes = whole(path);
  return format_of(begin_of(bytes)) == Format::tiff ? count_tiff_pages(bytes, path.string()) : 1;
}

at::Tensor read_raster(const std::filesystem::path& path, std::int64_t page) {
  return to_tensor(read_pixels(path, PixelUse::image, page));
}

at::Tensor read_label_raster(const std::filesystem::path& path, std::int64_t page) {
  auto image = to_tensor(read_pixels(path, PixelUse::labels, page)).to(torch::kInt32);
  if (image.size(2) == 3 && !(image.select(2, 0).equal(image.select(2, 1)) && image.select(2, 0).equal(image.select(2, 2)))) {
    throw DataError(Fault{path.string(), "a label map in colours", "channels that differ", "one value a pixel",
                          "export it as grey or palette PNG"});
  }
  return image.select(2, 0).contiguous();
}

void write_png(const std::filesystem::path& path, const at::Tensor& image) {
  const auto bytes = encode_png(from_tensor(image), path.string());
  std::error_code ignored;  // the file itself says what is wrong
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  AtomicFile file(path.string());
  file.write(bytes.data(), bytes.size());
  file.commit();
}

std::pair<double, double> percentiles(const at::Tensor& values, double low, double high) {
  const auto flat = values.to(torch::kFloat32).contiguous().view(-1);
  const auto* data = flat.data_ptr<float>();
  std::vector<float> finite;
  finite.reserve(static_cast<std::size_t>(flat.numel()));
  std::copy_if(data, data + flat.numel(), std::back_inserter(finite), [](float v) { return std::isfinite(v); });
  if (finite.empty()) return {0.0, 0.0};
  const auto at_rank = [&finite](double percent) {
    const double rank = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(finite.size() - 1);
    const auto below = finite.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(finite.begin(), below, finite.end());
    const double first = *below;
    if (below + 1 == finite.end()) return first;
    const double second = *std::min_element(below + 1, finite.end());
    return first + (rank - std::floor(rank)) * (second - first);
  };
  const double a = at_rank(low);
  return {a, at_rank(high)};
}

at::Tensor window(const at::Tensor& values, double low, double high) {
  TORCH_CHECK(low < high, "window: low must lie below high");
  const auto scaled = (values.to(torch::kFloat32) - low) * (255.0 / (high - low));
  return scaled.nan_to_num(0.0, 255.0, 0.0).clamp(0, 255).round().to(torch::kUInt8);
}

}  // namespace sam3lab
