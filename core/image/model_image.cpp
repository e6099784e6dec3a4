#include "core/image/model_image.h"

#include <algorithm>

#include <ATen/ATen.h>

#include <sam3lab/api/image.h>

namespace sam3lab {

at::Tensor rgb_bytes(const at::Tensor& raster, const std::optional<std::pair<double, double>>& limits) {
  auto bytes = limits ? window(raster, limits->first, limits->second) : raster;
  if (bytes.scalar_type() != at::kByte) bytes = bytes.bitwise_right_shift(8).to(at::kByte);
  return bytes.size(2) == 3 ? bytes : bytes.repeat({1, 1, 3});
}

at::Tensor resize_image(const at::Tensor& image, std::int64_t side) {
  if (image.size(0) == side && image.size(1) == side) return image;
  // As it lies in memory, channels last: no copy of the whole image.
  const auto planes = image.contiguous().permute({2, 0, 1}).unsqueeze(0);
  return at::_upsample_bilinear2d_aa(planes, {side, side}, false, std::nullopt, std::nullopt).squeeze(0).permute({1, 2, 0});
}

at::Tensor normalised(const at::Tensor& bytes) {
  // What becomes of each of the 256 values, by the processor's own steps; then one pass over the image in the place of four.
  static const auto table = at::arange(256, at::kFloat).mul(1.0 / 255.0).sub_(0.5).div_(0.5);
  const auto* becomes = table.data_ptr<float>();
  const auto from = bytes.contiguous();
  auto to = at::empty(from.sizes(), at::kFloat);
  std::transform(from.data_ptr<std::uint8_t>(), from.data_ptr<std::uint8_t>() + from.numel(), to.data_ptr<float>(),
                 [becomes](std::uint8_t value) { return becomes[value]; });
  return to;
}

at::Tensor model_image(const at::Tensor& image, std::int64_t side) {
  return normalised(resize_image(image, side).permute({2, 0, 1}).contiguous());
}

}  // namespace sam3lab
