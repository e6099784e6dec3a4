#include "plugins/datasets/shared/masks/outline.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <opencv2/imgproc.hpp>
#include <torch/types.h>

#include <sam3lab/api/error.h>

namespace sam3lab::datasets {
namespace {

constexpr int most_lines = 1000;
constexpr int free_space = 0, of_line = 1;
constexpr double least_share = 0.02;  // of its hull that a closed line encloses; holes in the drawing itself are smaller

struct Area {
  int pixels = 0, in_hull = 0;
  bool at_border = false;  // of the image
};

// The areas that `line` (1 on it, else 0) cuts its surroundings into, numbered from 1 in `numbers`, by 4 neighbours: a line
// that is connected over corners is no bridge for them.
std::vector<Area> areas_of(const cv::Mat& line, const cv::Mat& hull, const cv::Rect& place, cv::Size image, cv::Mat& numbers) {
  const cv::Mat space = line == free_space;
  std::vector<Area> areas(static_cast<std::size_t>(cv::connectedComponents(space, numbers, 4, CV_32S)));
  for (int y = 0; y < numbers.rows; ++y) {
    for (int x = 0; x < numbers.cols; ++x) {
      auto& area = areas[static_cast<std::size_t>(numbers.at<int>(y, x))];
      ++area.pixels;
      if (hull.at<std::uint8_t>(y, x) != 0) ++area.in_hull;
      const int column = place.x + x, row = place.y + y;
      area.at_border = area.at_border || column == 0 || row == 0 || column == image.width - 1 || row == image.height - 1;
    }
  }
  return areas;
}

// One line and what it encloses; nothing if it is not closed. Within `place`: its box and one pixel more where the image goes
// on.
cv::Mat filled(const cv::Mat& line, const cv::Rect& place, cv::Size image) {
  std::vector<cv::Point> points, corners;
  cv::findNonZero(line, points);
  cv::convexHull(points, corners);
  cv::Mat hull = cv::Mat::zeros(line.size(), CV_8U), numbers;
  cv::fillConvexPoly(hull, corners, cv::Scalar(of_line));
  const auto areas = areas_of(line, hull, place, image, numbers);
  // Outside is what reaches the frame of `place`, unless the image ends there.
  std::vector<bool> outside(areas.size(), false), inside(areas.size(), false);
  const auto meets_frame = [&](int y, int x) { outside[static_cast<std::size_t>(numbers.at<int>(y, x))] = true; };
  for (int x = 0; x < numbers.cols; ++x) meets_frame(0, x), meets_frame(numbers.rows - 1, x);
  for (int y = 0; y < numbers.rows; ++y) meets_frame(y, 0), meets_frame(y, numbers.cols - 1);
  int enclosed = 0;
  for (std::size_t i = 1; i < areas.size(); ++i) {
    inside[i] = !outside[i];
    if (inside[i]) enclosed += areas[i].pixels;
  }
  const bool closed = enclosed > least_share * cv::countNonZero(hull);
  const bool cut_by_border = areas.size() > 2;  // from border to border a line makes at least two areas
  for (std::size_t i = 1; i < areas.size() && !closed && cut_by_border; ++i)
    inside[i] = inside[i] || (areas[i].at_border && 2 * areas[i].in_hull > areas[i].pixels);
  if (!closed && std::none_of(inside.begin(), inside.end(), [](bool of_area) { return of_area; })) return {};
  cv::Mat out = line.clone();
  for (int y = 0; y < out.rows; ++y) {
    for (int x = 0; x < out.cols; ++x) {
      if (inside[static_cast<std::size_t>(numbers.at<int>(y, x))]) out.at<std::uint8_t>(y, x) = of_line;
    }
  }
  return out;
}

}  // namespace

at::Tensor fill_outlines(const at::Tensor& lines, const std::string& file) {
  auto bytes = lines.to(torch::kUInt8).contiguous();
  const cv::Mat all(static_cast<int>(lines.size(0)), static_cast<int>(lines.size(1)), CV_8U, bytes.data_ptr());
  cv::Mat numbers, boxes, centres;
  const int count = cv::connectedComponentsWithStats(all, numbers, boxes, centres, 8, CV_32S);
  if (count - 1 > most_lines) {
    throw DataError(Fault{file, "no drawing of outlines", fmt::format("{} separate lines", count - 1),
                          fmt::format("at most {}", most_lines), "is this mask filled? Then set encoding = \"binary\""});
  }
  auto out = torch::zeros(lines.sizes(), torch::kBool);
  cv::Mat result(all.size(), CV_8U, out.data_ptr<bool>());
  for (int i = 1; i < count; ++i) {
    const auto at = [&](int what) { return boxes.at<int>(i, what); };
    const cv::Rect box(at(cv::CC_STAT_LEFT), at(cv::CC_STAT_TOP), at(cv::CC_STAT_WIDTH), at(cv::CC_STAT_HEIGHT));
    const cv::Rect place = cv::Rect(box.x - 1, box.y - 1, box.width + 2, box.height + 2) & cv::Rect({0, 0}, all.size());
    const cv::Mat line = (numbers(place) == i) / 255;
    const cv::Mat area = filled(line, place, all.size());
    if (area.empty()) {
      throw DataError(Fault{
          file, "an outline that is not closed",
          fmt::format("a line of {} pixels near column {}, row {}, which encloses nothing", at(cv::CC_STAT_AREA), box.x, box.y),
          "closed lines", "repair the drawing, exclude the image, or set encoding = \"binary\" for a filled mask"});
    }
    cv::bitwise_or(result(place), area, result(place));
  }
  return out;
}

}  // namespace sam3lab::datasets
