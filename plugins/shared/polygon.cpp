#include "plugins/shared/polygon.h"

#include <cmath>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>
#include <torch/torch.h>

#include <sam3lab/api/error.h>

namespace sam3lab {

void fill_polygon(const Polygon& polygon, at::Tensor canvas, const std::string& where) {
  if (polygon.size() < 3) return;
  constexpr int bits = 6;  // of a pixel: what OpenCV rounds points to
  const auto height = static_cast<double>(canvas.size(0)), width = static_cast<double>(canvas.size(1));
  std::vector<cv::Point> points;
  for (const auto& [x, y] : polygon) {
    // Also false for NaN.
    if (!(x >= -width && x <= 2 * width && y >= -height && y <= 2 * height)) {
      throw DataError(Fault{where, "a contour that lies outside of its image", fmt::format("a point at {}, {}", x, y),
                            fmt::format("points within {} x {} pixels (columns, rows)", width, height),
                            "is this the annotation of another image?"});
    }
    points.emplace_back(static_cast<int>(std::lround(x * (1 << bits))), static_cast<int>(std::lround(y * (1 << bits))));
  }
  cv::Mat area(static_cast<int>(canvas.size(0)), static_cast<int>(canvas.size(1)), CV_8U, canvas.data_ptr<bool>());
  cv::fillPoly(area, std::vector<std::vector<cv::Point>>{points}, cv::Scalar(1), cv::LINE_8, bits);
}

}  // namespace sam3lab
