// RoIAlign (arXiv 1703.06870) with the sampling of torchvision.ops.roi_align by default: adaptive, not shifted by half a pixel.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// maps [N, C, H, W] (with gradient), boxes [N, P, 4] float32 as x0, y0, x1, y1 in cells of the map (without gradient) ->
// [N * P, C, bins, bins]. A box smaller than one cell counts as one cell. Samples more than one cell outside the map are zero.
[[nodiscard]] at::Tensor roi_align(const at::Tensor& maps, const at::Tensor& boxes, std::int64_t bins);

}  // namespace sam3lab::sam3
