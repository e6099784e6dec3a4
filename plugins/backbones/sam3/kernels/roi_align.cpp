#include "plugins/backbones/sam3/kernels/roi_align.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace sam3lab::sam3 {

namespace {

// The average of bilinear samples on the regular grid of a bin is the product of an average along y and one along x. Writes the
// weights of the `cells` of one axis for each bin. All is float32 as in torchvision, so that rounding is the same.
void axis_weights(float low, float high, std::int64_t bins, std::int64_t cells, float* weights) {
  const float length = std::max(high - low, 1.0F);
  const float bin = length / static_cast<float>(bins);
  const auto samples = static_cast<std::int64_t>(std::ceil(length / static_cast<float>(bins)));
  const float share = 1.0F / static_cast<float>(std::max<std::int64_t>(samples, 1));
  for (std::int64_t b = 0; b < bins; ++b) {
    float* row = weights + b * cells;
    for (std::int64_t i = 0; i < samples; ++i) {
      float at = low + static_cast<float>(b) * bin + (static_cast<float>(i) + 0.5F) * bin / static_cast<float>(samples);
      if (at < -1.0F || at > static_cast<float>(cells)) continue;
      at = std::max(at, 0.0F);
      const auto cell = static_cast<std::int64_t>(at);
      if (cell >= cells - 1) {
        row[cells - 1] += share;
      } else {
        const float beyond = at - static_cast<float>(cell);
        row[cell] += (1.0F - beyond) * share;
        row[cell + 1] += beyond * share;
      }
    }
  }
}

}  // namespace

at::Tensor roi_align(const at::Tensor& maps, const at::Tensor& boxes, std::int64_t bins) {
  const std::int64_t n = maps.size(0), channels = maps.size(1), height = maps.size(2), width = maps.size(3);
  const std::int64_t count = boxes.size(1);
  const at::Tensor host = boxes.detach().to(at::kCPU, at::kFloat).contiguous();
  at::Tensor down = at::zeros({n, count, bins, height}, at::kFloat), across = at::zeros({n, count, bins, width}, at::kFloat);
  const float* box = host.const_data_ptr<float>();
  for (std::int64_t i = 0; i < n * count; ++i, box += 4) {
    axis_weights(box[1], box[3], bins, height, down.mutable_data_ptr<float>() + i * bins * height);
    axis_weights(box[0], box[2], bins, width, across.mutable_data_ptr<float>() + i * bins * width);
  }
  down = down.to(maps.options().requires_grad(false)), across = across.to(maps.options().requires_grad(false));
  // [N, P * bins, H] x [N, H, C * W], then [N * P, C * bins, W] x [N * P, W, bins].
  const at::Tensor rows = at::bmm(down.flatten(1, 2), maps.permute({0, 2, 1, 3}).reshape({n, height, channels * width}));
  const at::Tensor by_box =
      rows.view({n * count, bins, channels, width}).transpose(1, 2).reshape({n * count, channels * bins, width});
  return at::bmm(by_box, across.flatten(0, 1).transpose(1, 2)).view({n * count, channels, bins, bins});
}

}  // namespace sam3lab::sam3
