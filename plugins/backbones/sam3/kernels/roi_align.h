// RoIAlign (arXiv 1703.06870) with the sampling of torchvision.ops.roi_align at its defaults: adaptive, not shifted by half a
// pixel.
#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// maps [N, C, H, W] (gradient flows to them), boxes [N, P, 4] float32 as x0, y0, x1, y1 in cells of the map (no gradient) ->
// [N * P, C, bins, bins]. Boxes under one cell count as one cell; samples more than one cell outside the map are zero.
[[nodiscard]] at::Tensor roi_align(const at::Tensor& maps, const at::Tensor& boxes, std::int64_t bins);

}  // namespace sam3lab::sam3
