#include "core/image/burned_in_text.h"

#include <algorithm>
#include <vector>

#include <ATen/ATen.h>
#include <opencv2/imgproc.hpp>

namespace sam3lab {
namespace {

constexpr int lowest_letter = 6;        // px
constexpr double bright = 110.0;        // above its surroundings: letters are drawn at full brightness
constexpr double widest_of_height = 2;  // W, and two letters that touch
constexpr double most_even = 45.0;      // standard deviation of grey inside a letter; edges are smoothed, tissue varies more
constexpr std::size_t fewest_letters = 3;
constexpr int margin = 2;  // px around a line

std::vector<cv::Rect> letters(const cv::Mat& grey) {
  const int highest = std::max(lowest_letter + 1, grey.rows / 12);
  // Strokes are thinner than half a letter, so what an opening of that size takes away contains them.
  const int size = std::max(5, highest / 2) | 1;
  cv::Mat strokes, numbers, stats, centres;
  cv::morphologyEx(grey, strokes, cv::MORPH_TOPHAT, cv::getStructuringElement(cv::MORPH_RECT, {size, size}));
  const cv::Mat marks = strokes > bright;
  const int count = cv::connectedComponentsWithStats(marks, numbers, stats, centres, 8, CV_32S);
  std::vector<cv::Rect> found;
  for (int i = 1; i < count; ++i) {
    const cv::Rect box(stats.at<int>(i, cv::CC_STAT_LEFT), stats.at<int>(i, cv::CC_STAT_TOP),
                       stats.at<int>(i, cv::CC_STAT_WIDTH), stats.at<int>(i, cv::CC_STAT_HEIGHT));
    if (box.height < lowest_letter || box.height > highest || box.width > widest_of_height * box.height) continue;
    cv::Scalar mean, deviation;
    cv::meanStdDev(grey(box), mean, deviation, numbers(box) == i);
    if (deviation[0] <= most_even) found.push_back(box);
  }
  return found;
}

bool same_line(const cv::Rect& a, const cv::Rect& b) {
  const double height = std::max(a.height, b.height);
  const bool as_high = std::min(a.height, b.height) >= 0.6 * height;
  const bool on_line = std::abs((a.y + a.height) - (b.y + b.height)) <= 0.35 * height;
  const int gap = std::max(a.x, b.x) - std::min(a.x + a.width, b.x + b.width);
  return as_high && on_line && gap <= 1.2 * height;
}

}  // namespace

at::Tensor burned_in_text(const at::Tensor& image) {
  const auto brightest = image.amax(2).contiguous();
  const auto height = static_cast<int>(image.size(0)), width = static_cast<int>(image.size(1));
  const cv::Mat grey(height, width, CV_8U, brightest.data_ptr());
  auto boxes = letters(grey);
  std::sort(boxes.begin(), boxes.end(), [](const auto& a, const auto& b) { return a.x < b.x; });
  auto text = at::zeros({height, width}, at::kBool);
  std::vector<bool> used(boxes.size(), false);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (used[i]) continue;
    cv::Rect line = boxes[i], last = boxes[i];
    std::vector<std::size_t> members = {i};
    for (std::size_t j = i + 1; j < boxes.size() && boxes[j].x <= last.x + last.width + 2 * last.height; ++j) {
      if (used[j] || !same_line(last, boxes[j])) continue;
      members.push_back(j);
      line |= boxes[j];
      last = boxes[j];
    }
    if (members.size() < fewest_letters) continue;
    for (const auto member : members) used[member] = true;
    const int x = std::max(0, line.x - margin), y = std::max(0, line.y - margin);
    const int right = std::min(width, line.x + line.width + margin), bottom = std::min(height, line.y + line.height + margin);
    text.narrow(0, y, bottom - y).narrow(1, x, right - x).fill_(true);
  }
  return text;
}

}  // namespace sam3lab
