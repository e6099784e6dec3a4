#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include <torch/torch.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include "core/image/codecs.h"
#include "core/tensor/atomic_file.h"

namespace sam3lab {
namespace {

bool begins_with(const Bytes& bytes, std::initializer_list<std::uint8_t> magic) {
  return bytes.size() >= magic.size() && std::equal(magic.begin(), magic.end(), bytes.begin());
}

Pixels decode(const Bytes& bytes, const std::string& name, PixelUse use) {
  if (begins_with(bytes, {0x89, 'P', 'N', 'G'})) return decode_png(bytes, name, use);
  if (begins_with(bytes, {0xff, 0xd8})) {
    if (use == PixelUse::labels) {
      throw DataError(Fault{name, "a JPEG does not keep label values", "JPEG", "PNG or TIFF", "export the labels as PNG"});
    }
    return decode_jpeg(bytes, name);
  }
  if (begins_with(bytes, {'I', 'I', 42, 0}) || begins_with(bytes, {'M', 'M', 0, 42}) || begins_with(bytes, {'I', 'I', 43, 0}) ||
      begins_with(bytes, {'M', 'M', 0, 43})) {
    return decode_tiff(bytes, name, use);
  }
  throw DataError(Fault{name, bytes.empty() ? "empty file" : "unknown image format", "", "PNG, JPEG or TIFF", ""});
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

at::Tensor read_raster(const std::filesystem::path& path) {
  return to_tensor(decode(read_file(path), path.string(), PixelUse::picture));
}

at::Tensor read_label_raster(const std::filesystem::path& path) {
  auto image = to_tensor(decode(read_file(path), path.string(), PixelUse::labels)).to(torch::kInt32);
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
