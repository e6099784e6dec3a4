#include "plugins/datasets/coco/coco_masks.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

namespace sam3lab::datasets::coco {
namespace {

constexpr std::int64_t fine = 5;                              // sub-pixels a pixel
constexpr std::int64_t middle = 2;                            // the sub-pixel in a pixel's middle
constexpr std::size_t most_crossings = std::size_t{1} << 24;  // of one mask: bounds time and memory for strangers' outlines
using Crossings = std::vector<std::pair<std::int32_t, std::int32_t>>;  // column, first row below the edge

struct Point {
  std::int64_t x, y;
};

// C's conversion, towards zero, as the library does it.
std::int64_t towards_zero(double value) { return static_cast<std::int64_t>(value); }

// One edge of the outline on the fine grid. It goes along its longer side in steps of one, from its lesser end.
class Edge {
 public:
  Edge(Point from, Point to) {
    const auto across = std::abs(from.x - to.x), down = std::abs(from.y - to.y);
    flat_ = across >= down;
    if (flat_ ? from.x > to.x : from.y > to.y) std::swap(from, to);
    from_ = from;
    steps_ = flat_ ? across : down;
    if (steps_ > 0) slope_ = static_cast<double>(flat_ ? to.y - from.y : to.x - from.x) / static_cast<double>(steps_);
  }

  // Where the edge passes from the middle of a column of pixels to the sub-pixel behind it, or back.
  void cross(std::int64_t height, std::int64_t width, Crossings& out) const {
    if (steps_ == 0) return;
    const auto left = std::min(x(0), x(steps_)), right = std::max(x(0), x(steps_));
    auto column = std::max<std::int64_t>(0, (left - middle + fine - 1) / fine);
    if (left < middle) column = 0;
    for (; column < width && column * fine + middle < right; ++column) {
      const auto t = last_at(column * fine + middle);
      const auto y_there = std::min(y(t), y(t + 1));
      const auto row = y_there < middle ? 0 : std::min(height, (y_there - middle + fine - 1) / fine);
      if (out.size() == most_crossings) {
        throw DataError(Fault{"polygons of an annotation", "are too long", "", "at most 2^24 crossings of columns", ""});
      }
      out.emplace_back(static_cast<std::int32_t>(column), static_cast<std::int32_t>(row));
    }
  }

 private:
  [[nodiscard]] std::int64_t x(std::int64_t t) const {
    return flat_ ? from_.x + t : towards_zero(static_cast<double>(from_.x) + slope_ * static_cast<double>(t) + 0.5);
  }
  [[nodiscard]] std::int64_t y(std::int64_t t) const {
    return flat_ ? towards_zero(static_cast<double>(from_.y) + slope_ * static_cast<double>(t) + 0.5) : from_.y + t;
  }
  // The step after which the edge leaves sub-column `at` for the next, or the next for `at`: x never turns back.
  [[nodiscard]] std::int64_t last_at(std::int64_t at) const {
    const bool rises = x(0) < x(steps_);
    std::int64_t low = 0, high = steps_;  // before the passage, behind it
    while (high - low > 1) {
      const auto t = (low + high) / 2;
      const bool before = rises ? x(t) <= at : x(t) > at;
      (before ? low : high) = t;
    }
    return low;
  }

  Point from_{};
  std::int64_t steps_ = 0;
  double slope_ = 0.0;
  bool flat_ = true;  // x is the longer side
};

void fill(const std::vector<double>& polygon, const at::Tensor& mask) {
  const auto height = mask.size(0), width = mask.size(1);
  const auto corners = polygon.size() / 2;
  const auto corner = [&polygon](std::size_t i) {
    return Point{towards_zero(fine * polygon[2 * i] + 0.5), towards_zero(fine * polygon[2 * i + 1] + 0.5)};
  };
  Crossings crossings;
  for (std::size_t i = 0; i < corners; ++i) Edge(corner(i), corner((i + 1) % corners)).cross(height, width, crossings);
  std::sort(crossings.begin(), crossings.end());
  auto* pixels = mask.data_ptr<bool>();
  // A closed outline crosses each column an even number of times.
  for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
    for (auto row = crossings[i].second; row < crossings[i + 1].second; ++row) pixels[row * width + crossings[i].first] = true;
  }
}

}  // namespace

std::optional<std::vector<std::uint32_t>> runs_of_code(const std::string& code) {
  constexpr int most_digits = 7;
  std::vector<std::uint32_t> runs;
  for (std::size_t at = 0; at < code.size();) {
    std::int64_t value = 0;
    bool more = true;
    for (int digit = 0; more; ++digit) {
      if (at == code.size() || digit == most_digits) return std::nullopt;
      const int six = static_cast<unsigned char>(code[at++]) - '0';
      if (six < 0 || six > 63) return std::nullopt;
      value |= static_cast<std::int64_t>(six & 31) << (5 * digit);
      more = (six & 32) != 0;
      if (!more && (six & 16) != 0) value -= std::int64_t{1} << (5 * (digit + 1));  // sign bit of the last digit
    }
    if (runs.size() > 2) value += runs[runs.size() - 2];
    if (value < 0 || value > max_pixels) return std::nullopt;
    runs.push_back(static_cast<std::uint32_t>(value));
  }
  return runs;
}

std::int64_t run_pixels(const std::vector<std::uint32_t>& runs) {
  std::int64_t sum = 0;
  for (const auto run : runs) sum += run;
  return sum;
}

at::Tensor mask_of_runs(const std::vector<std::uint32_t>& runs, std::int64_t height, std::int64_t width) {
  // Runs go down the columns. They are drawn where they belong: a mask has few pixels, so that turning a whole one costs more.
  auto mask = torch::zeros({height, width}, torch::kBool);
  auto* pixels = mask.data_ptr<bool>();
  std::int64_t at = 0;
  bool inside = false;
  for (const auto run : runs) {
    if (inside) {
      auto row = at % height, column = at / height;
      for (std::uint32_t i = 0; i < run; ++i) {
        pixels[row * width + column] = true;
        if (++row == height) row = 0, ++column;
      }
    }
    at += run;
    inside = !inside;
  }
  return mask;
}

at::Tensor mask_of_polygons(const std::vector<std::vector<double>>& polygons, std::int64_t height, std::int64_t width) {
  auto mask = torch::zeros({height, width}, torch::kBool);
  for (const auto& polygon : polygons) fill(polygon, mask);
  return mask;
}

}  // namespace sam3lab::datasets::coco
