#include "core/verify/pairing.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <opencv2/imgproc.hpp>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr std::int64_t sampled = 64, fewest = 16, thumbnail_side = 128;
constexpr double expected_share = 0.7;
constexpr int ring_width = 4;  // px of a thumbnail

struct Small {
  at::Tensor grey;
  std::vector<at::Tensor> masks;  // one a label
};

at::Tensor shrink(const at::Tensor& mask) {
  const auto bytes = mask.to(at::kByte).mul(255).contiguous();
  const cv::Mat view(static_cast<int>(bytes.size(0)), static_cast<int>(bytes.size(1)), CV_8U, bytes.data_ptr());
  cv::Mat small;
  cv::resize(view, small, {static_cast<int>(thumbnail_side), static_cast<int>(thumbnail_side)}, 0, 0, cv::INTER_AREA);
  return at::from_blob(small.data, {thumbnail_side, thumbnail_side}, at::kByte).ge(128);
}

Small small_of(const LabelledImage& image) {
  Small small{grey_thumbnail(image.image, thumbnail_side), {}};
  for (const auto& label : image.labels) {
    if (auto mask = shrink(label.masks.any(0)); mask.any().item<bool>()) small.masks.push_back(std::move(mask));
  }
  return small;
}

double agreement_of(const at::Tensor& grey, const std::vector<at::Tensor>& masks) {
  double sum = 0;
  for (const auto& mask : masks) sum += agreement(grey, mask);
  return sum;
}

// -1: too few images with masks to say.
double share_of_fits(const VerifiedDataset& dataset, std::int64_t& images) {
  std::vector<Small> smalls;
  const auto size = dataset.data->size(), wanted = std::min(size, 2 * sampled);
  for (std::int64_t i = 0; i < wanted && static_cast<std::int64_t>(smalls.size()) < sampled; ++i) {
    try {
      // An order that is spread over the whole from the first.
      auto small = small_of(dataset.data->load((i * 7919) % size));
      if (!small.masks.empty()) smalls.push_back(std::move(small));
    } catch (const DataError&) {  // the scan lists it
    }
  }
  images = static_cast<std::int64_t>(smalls.size());
  if (images < fewest) return -1;
  double fits = 0;
  for (std::size_t i = 0; i < smalls.size(); ++i) {
    const auto& other = smalls[(i + smalls.size() / 2) % smalls.size()];
    const auto own = agreement_of(smalls[i].grey, smalls[i].masks), foreign = agreement_of(other.grey, smalls[i].masks);
    fits += own > foreign ? 1.0 : own == foreign ? 0.5 : 0.0;
  }
  return fits / static_cast<double>(images);
}

}  // namespace

double agreement(const at::Tensor& grey, const at::Tensor& mask) {
  const auto pixels = grey.contiguous();
  const auto bytes = mask.to(at::kByte).contiguous();
  const cv::Mat image(static_cast<int>(grey.size(0)), static_cast<int>(grey.size(1)), CV_8U, pixels.data_ptr());
  const cv::Mat inside(image.rows, image.cols, CV_8U, bytes.data_ptr());
  cv::Mat across, down, gradient, wide, narrow;
  cv::Sobel(image, across, CV_32F, 1, 0);
  cv::Sobel(image, down, CV_32F, 0, 1);
  cv::magnitude(across, down, gradient);
  const auto box = [](int reach) { return cv::getStructuringElement(cv::MORPH_RECT, {2 * reach + 1, 2 * reach + 1}); };
  cv::dilate(inside, wide, box(1));
  cv::erode(inside, narrow, box(1));
  const cv::Mat border = wide - narrow;
  cv::dilate(inside, wide, box(ring_width));
  const cv::Mat around = wide - inside;
  cv::Scalar mean, deviation;
  cv::meanStdDev(image, mean, deviation);
  const double edges = cv::mean(gradient)[0];
  if (edges <= 0 || deviation[0] <= 0 || cv::countNonZero(border) == 0) return 0;
  const double contrast = cv::countNonZero(around) == 0 ? 0 : std::abs(cv::mean(image, inside)[0] - cv::mean(image, around)[0]);
  return cv::mean(gradient, border)[0] / edges + contrast / deviation[0];
}

std::vector<Finding> check_pairing(const std::vector<VerifiedDataset>& datasets, std::vector<double>& shares) {
  std::vector<Finding> findings;
  for (const auto& dataset : datasets) {
    std::int64_t images = 0;
    const auto share = share_of_fits(dataset, images);
    shares.push_back(share);
    if (share < 0 || share >= expected_share - 1.645 * std::sqrt(0.25 / static_cast<double>(images))) continue;
    findings.push_back(
        {Severity::warning,
         "pairing",
         {dataset.name},
         fmt::format("masks fit their own image no better than another one ({:.0f} % of {} do): do they belong to it?",
                     100 * share, images),
         images,
         {}});
  }
  return findings;
}

}  // namespace sam3lab
