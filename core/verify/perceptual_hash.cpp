#include "core/verify/perceptual_hash.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <opencv2/imgproc.hpp>

#include "core/base/sha256.h"

namespace sam3lab {
namespace {

constexpr int hash_side = 32;
constexpr std::size_t hash_bits = 64;
constexpr double least_whole = 0.97, least_detail = 0.85;  // correlations
constexpr int coarse = 9;                                  // px of a thumbnail

// The lowest frequencies but the mean, by rising sum of both.
std::vector<std::pair<int, int>> lowest_frequencies() {
  std::vector<std::pair<int, int>> order;
  for (int sum = 1; order.size() < hash_bits; ++sum) {
    for (int row = 0; row <= sum && order.size() < hash_bits; ++row) order.emplace_back(row, sum - row);
  }
  return order;
}

cv::Mat as_floats(const at::Tensor& grey) {
  const auto bytes = grey.contiguous();
  const cv::Mat view(static_cast<int>(bytes.size(0)), static_cast<int>(bytes.size(1)), CV_8U, bytes.data_ptr());
  cv::Mat floats;
  view.convertTo(floats, CV_32F);
  return floats;
}

double correlation(const cv::Mat& a, const cv::Mat& b) {
  const cv::Mat x = a - cv::mean(a)[0], y = b - cv::mean(b)[0];
  const double scale = std::sqrt(x.dot(x) * y.dot(y));
  return scale > 0 ? x.dot(y) / scale : 0.0;
}

cv::Mat fine_detail(const cv::Mat& image) {
  cv::Mat soft, smooth;
  cv::blur(image, soft, {3, 3});  // compression changes the finest
  cv::blur(image, smooth, {coarse, coarse});
  return soft - smooth;
}

}  // namespace

PixelDigest pixel_digest(const at::Tensor& image) {
  const auto pixels = image.contiguous();
  std::string bytes = std::to_string(pixels.size(0)) + " " + std::to_string(pixels.size(1)) + "\n";
  bytes.append(static_cast<const char*>(pixels.data_ptr()), static_cast<std::size_t>(pixels.numel()));
  const auto hex = sha256(bytes);
  PixelDigest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) std::from_chars(&hex[2 * i], &hex[2 * i] + 2, digest[i], 16);
  return digest;
}

at::Tensor grey_thumbnail(const at::Tensor& image, std::int64_t side) {
  const auto pixels = image.contiguous();
  const cv::Mat colour(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC3, pixels.data_ptr());
  auto grey = at::empty({side, side}, at::kByte);
  cv::Mat small, out(static_cast<int>(side), static_cast<int>(side), CV_8U, grey.data_ptr());
  cv::resize(colour, small, out.size(), 0, 0, cv::INTER_AREA);
  cv::transform(small, out, cv::Matx13f(1 / 3.F, 1 / 3.F, 1 / 3.F));
  return grey;
}

const char* name_of_orientation(int orientation) {
  constexpr std::array names = {"as it is",
                                "flipped left to right",
                                "flipped top to bottom",
                                "rotated by 180 degrees",
                                "flipped along its diagonal",
                                "rotated by 90 degrees",
                                "rotated by 270 degrees",
                                "flipped along its other diagonal"};
  return names.at(static_cast<std::size_t>(orientation));
}

at::Tensor reoriented(const at::Tensor& image, int orientation) {
  auto out = (orientation & 4) != 0 ? image.transpose(0, 1) : image;
  if ((orientation & 1) != 0) out = out.flip(1);
  return (orientation & 2) != 0 ? out.flip(0) : out;
}

PerceptualHash perceptual_hash_of(const at::Tensor& image) {
  static const auto frequencies = lowest_frequencies();
  cv::Mat waves;
  cv::dct(as_floats(grey_thumbnail(image, hash_side)), waves);
  PerceptualHash hash{};
  for (int orientation = 0; orientation < orientations; ++orientation) {
    std::array<float, hash_bits> values{};
    for (std::size_t i = 0; i < hash_bits; ++i) {
      const auto [row, column] = frequencies[i];
      const auto value = (orientation & 4) != 0 ? waves.at<float>(column, row) : waves.at<float>(row, column);
      // An odd wave is turned over by the mirror, an even one is its own mirror image.
      const bool over = ((orientation & 1) != 0 && column % 2 != 0) != ((orientation & 2) != 0 && row % 2 != 0);
      values[i] = over ? -value : value;
    }
    auto sorted = values;
    std::nth_element(sorted.begin(), sorted.begin() + hash_bits / 2, sorted.end());
    auto& bits = hash[static_cast<std::size_t>(orientation)];
    for (std::size_t i = 0; i < hash_bits; ++i) bits |= static_cast<std::uint64_t>(values[i] >= sorted[hash_bits / 2]) << i;
  }
  return hash;
}

bool same_image(const at::Tensor& a, const at::Tensor& b) {
  const auto x = as_floats(a), y = as_floats(b);
  return correlation(x, y) >= least_whole && correlation(fine_detail(x), fine_detail(y)) >= least_detail;
}

}  // namespace sam3lab
