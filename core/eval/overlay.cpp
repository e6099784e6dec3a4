#include "core/eval/overlay.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include <torch/types.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr double opacity = 0.35;  // of the fill; the contour is opaque
constexpr double darkness = 0.3;  // what is left of ignored pixels
constexpr int gap = 8;            // pixels between panels
constexpr int line_height = 24;   // of the caption, and of the panels' names below it
constexpr double font_scale = 0.5;
const cv::Scalar truth_colour(60, 200, 90), prediction_colour(255, 150, 40), background(255, 255, 255), ink(20, 20, 20);

// A view of the tensor's own memory.
cv::Mat view_of(const at::Tensor& picture, int type) {
  return {static_cast<int>(picture.size(0)), static_cast<int>(picture.size(1)), type, picture.data_ptr()};
}

at::Tensor tensor_of(const cv::Mat& picture) {
  return torch::from_blob(picture.data, {picture.rows, picture.cols, 3}, torch::kUInt8).clone();
}

int enlargement(const at::Tensor& image) {
  const auto side = std::max<std::int64_t>(1, std::min(image.size(0), image.size(1)));
  return static_cast<int>(std::max<std::int64_t>(1, (shortest_side + side - 1) / side));
}

// Pixels keep their edges: a mask is shown as it was scored.
cv::Mat enlarged_mask(const cv::Mat& picture, int factor) {
  cv::Mat out;
  cv::resize(picture, out, cv::Size(), factor, factor, cv::INTER_NEAREST);
  return out;
}

cv::Mat without_ignored(const cv::Mat& image, const at::Tensor& ignore, int factor) {
  if (!ignore.defined()) return image;
  const auto bytes = ignore.to(torch::kUInt8).mul(255).contiguous();
  cv::Mat dark = image * darkness, out = image.clone();
  dark.copyTo(out, enlarged_mask(view_of(bytes, CV_8UC1), factor));
  return out;
}

cv::Mat with_mask(const cv::Mat& image, const at::Tensor& mask, int factor, const cv::Scalar& colour) {
  const auto bytes = mask.to(torch::kUInt8).mul(255).contiguous();
  const cv::Mat area = enlarged_mask(view_of(bytes, CV_8UC1), factor);
  cv::Mat fill(image.size(), CV_8UC3, colour), mixed, out = image.clone();
  cv::addWeighted(image, 1.0 - opacity, fill, opacity, 0.0, mixed);
  mixed.copyTo(out, area);
  std::vector<std::vector<cv::Point>> contours;
  cv::findContours(area, contours, cv::RETR_LIST, cv::CHAIN_APPROX_NONE);
  cv::drawContours(out, contours, -1, colour, std::max(1, factor / 2));
  return out;
}

std::string ascii(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0U) == 0x80U) continue;  // the rest of a character already shown as '?'
    out += byte >= 0x20 && byte < 0x7F ? c : '?';
  }
  return out;
}

void check(const OverlayCase& shown) {
  const auto& image = shown.image;
  const bool is_image =
      image.defined() && image.dim() == 3 && image.size(2) == 3 && image.numel() > 0 && image.scalar_type() == torch::kUInt8;
  const auto fits = [&](const at::Tensor& mask) {
    return mask.dim() == 2 && mask.size(0) == image.size(0) && mask.size(1) == image.size(1);
  };
  const auto absent_or_fits = [&](const at::Tensor& mask) { return !mask.defined() || fits(mask); };
  if (is_image && shown.prediction.defined() && fits(shown.prediction) && absent_or_fits(shown.truth) &&
      absent_or_fits(shown.ignore))
    return;
  throw UsageError(Fault{"overlay", "image and masks do not fit", "", "an image [H, W, 3] of bytes and masks [H, W]", ""});
}

// One line of text in `room`, made smaller where it would not fit.
void write_line(cv::Mat& sheet, const std::string& text, const cv::Rect& room) {
  int below = 0;
  const int width = cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, font_scale, 1, &below).width;
  const double scale = font_scale * std::min(1.0, (room.width - 8.0) / std::max(1, width));
  cv::putText(sheet, text, {room.x + 4, room.y + room.height - 8}, cv::FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv::LINE_AA);
}

}  // namespace

at::Tensor draw_overlay(const OverlayCase& shown) {
  check(shown);
  const auto pixels = shown.image.contiguous();
  const int factor = enlargement(pixels);
  const cv::Mat image = enlarged_mask(view_of(pixels, CV_8UC3), factor);
  std::vector<std::pair<std::string, cv::Mat>> panels = {{"image", image}};
  const cv::Mat counted = without_ignored(image, shown.ignore, factor);
  if (shown.truth.defined()) panels.emplace_back("truth", with_mask(counted, shown.truth, factor, truth_colour));
  panels.emplace_back("prediction", with_mask(counted, shown.prediction, factor, prediction_colour));
  const int count = static_cast<int>(panels.size());
  cv::Mat sheet(image.rows + 2 * line_height, count * image.cols + (count - 1) * gap, CV_8UC3, background);
  write_line(sheet, ascii(shown.caption), {0, 0, sheet.cols, line_height});
  int left = 0;
  for (const auto& [name, panel] : panels) {
    write_line(sheet, name, {left, line_height, panel.cols, line_height});
    panel.copyTo(sheet(cv::Rect(left, 2 * line_height, panel.cols, panel.rows)));
    left += panel.cols + gap;
  }
  return tensor_of(sheet);
}

at::Tensor contact_sheet(const std::vector<at::Tensor>& pictures) {
  if (pictures.empty()) throw UsageError(Fault{"contact sheet", "no picture given", "", "", ""});
  std::int64_t width = pictures.front().size(1);
  for (const auto& picture : pictures) width = std::min(width, picture.size(1));
  std::vector<cv::Mat> rows;
  for (const auto& picture : pictures) {
    const auto pixels = picture.contiguous();
    const double scale = static_cast<double>(width) / static_cast<double>(picture.size(1));
    const int height = std::max(1, static_cast<int>(std::lround(scale * static_cast<double>(picture.size(0)))));
    cv::Mat row;
    cv::resize(view_of(pixels, CV_8UC3), row, cv::Size(static_cast<int>(width), height), 0, 0, cv::INTER_AREA);
    rows.push_back(row);
  }
  cv::Mat sheet;
  cv::vconcat(rows, sheet);
  return tensor_of(sheet);
}

}  // namespace sam3lab
