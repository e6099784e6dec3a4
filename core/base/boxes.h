// Conversion of axis-aligned boxes. cxcywh = centre, width, height; xyxy = two corners. Any consistent unit.
#pragma once
#include <ATen/ATen.h>

namespace sam3lab::boxes {

// [..., 4] cxcywh -> [..., 4] xyxy
inline at::Tensor to_corners(const at::Tensor& cxcywh) {
  const auto centre = cxcywh.narrow(-1, 0, 2), half = cxcywh.narrow(-1, 2, 2) * 0.5;
  return at::cat({centre - half, centre + half}, -1);
}

}  // namespace sam3lab::boxes
