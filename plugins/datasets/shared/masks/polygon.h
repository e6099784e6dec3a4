// Closed contours of points, filled.
#pragma once
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab::datasets {

struct Vertex {
  double x, y;  // pixels; 0, 0 is the upper left corner of the image, and 0.5, 0.5 the centre of its first pixel
};
using Polygon = std::vector<Vertex>;

// Sets to true the pixels whose centre lies in the polygon, so that areas are kept; `canvas` [H, W] bool, contiguous. What a
// line that crosses itself goes around twice is inside (non-zero winding). Fewer than three points enclose nothing. The part
// outside of the image is cut off. Throws DataError with `where` for a point that is no number, or farther outside than the
// image is large: it belongs to another image.
void fill_polygon(const Polygon& polygon, at::Tensor canvas, const std::string& where);

}  // namespace sam3lab::datasets
