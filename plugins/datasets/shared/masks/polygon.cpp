#include "plugins/datasets/shared/masks/polygon.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets {
namespace {

struct Edge {
  Vertex from, to;  // from.y < to.y
  int direction;    // 1: the polygon goes down here
};

void check(const Polygon& polygon, double height, double width, const std::string& where) {
  for (const auto& [x, y] : polygon) {
    // Also false for NaN.
    if (x >= -width && x <= 2 * width && y >= -height && y <= 2 * height) continue;
    throw DataError(Fault{where, "a contour that lies outside of its image", fmt::format("a point at {}, {}", x, y),
                          fmt::format("points within {} x {} pixels (columns, rows)", width, height),
                          "is this the annotation of another image?"});
  }
}

std::vector<Edge> edges_from_above(const Polygon& polygon) {
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const auto &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    if (a.y < b.y) edges.push_back({a, b, 1});
    if (b.y < a.y) edges.push_back({b, a, -1});
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) { return a.from.y < b.from.y; });
  return edges;
}

}  // namespace

void fill_polygon(const Polygon& polygon, at::Tensor canvas, const std::string& where) {
  if (polygon.size() < 3) return;
  const auto height = canvas.size(0), width = canvas.size(1);
  check(polygon, static_cast<double>(height), static_cast<double>(width), where);
  const auto edges = edges_from_above(polygon);
  std::vector<Edge> active;
  std::vector<std::pair<double, int>> crossings;  // where the row is crossed, and which way
  auto next = edges.begin();
  for (std::int64_t row = 0; row < height; ++row) {
    const auto y = static_cast<double>(row) + 0.5;
    for (; next != edges.end() && next->from.y <= y; ++next) active.push_back(*next);
    std::erase_if(active, [y](const Edge& edge) { return edge.to.y <= y; });
    crossings.clear();
    for (const auto& [from, to, direction] : active)
      crossings.emplace_back(from.x + (to.x - from.x) * (y - from.y) / (to.y - from.y), direction);
    std::sort(crossings.begin(), crossings.end());
    auto* pixels = canvas.data_ptr<bool>() + row * width;
    int winding = 0;
    for (std::size_t i = 0; i + 1 < crossings.size(); ++i) {
      winding += crossings[i].second;
      if (winding == 0) continue;
      const auto column = [width](double x) { return std::clamp<std::int64_t>(std::lround(std::ceil(x - 0.5)), 0, width); };
      std::fill(pixels + column(crossings[i].first), pixels + column(crossings[i + 1].first), true);
    }
  }
}

}  // namespace sam3lab::datasets
