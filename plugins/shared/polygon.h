// Closed contours of points, filled.
#pragma once
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab {

struct Point {
  double x, y;  // pixels; 0, 0 is the centre of the upper left pixel
};
using Polygon = std::vector<Point>;

// Sets to true what lies in the polygon or on its edge; `canvas` [H, W] bool, contiguous. Fewer than three points enclose
// nothing. The part outside of the image is cut off. Throws DataError with `where` for a point that is no number, or farther
// outside than the image is large: it belongs to another image.
void fill_polygon(const Polygon& polygon, at::Tensor canvas, const std::string& where);

}  // namespace sam3lab
