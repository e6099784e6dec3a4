#include "core/data/augment.h"

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <opencv2/imgproc.hpp>

namespace sam3lab {
namespace {

double either_way(double largest, Random& random) { return largest * (2.0 * random.uniform() - 1.0); }

cv::Mat random_motion(const AugmentOptions& options, int side, Random& random) {
  const double angle = either_way(options.rotate_degrees, random) * std::numbers::pi / 180.0;
  const double scale = 1.0 + either_way(options.scale, random);
  const double dx = either_way(options.shift, random) * side, dy = either_way(options.shift, random) * side;
  const double mirror = random.uniform() < options.flip ? -1.0 : 1.0;
  const double a = scale * std::cos(angle) * mirror, b = scale * std::sin(angle), c = -scale * std::sin(angle) * mirror,
               d = scale * std::cos(angle), centre = (side - 1) / 2.0;
  return (cv::Mat_<double>(2, 3) << a, b, centre - (a + b) * centre + dx, c, d, centre - (c + d) * centre + dy);
}

at::Tensor warp(const at::Tensor& planes, const cv::Mat& motion, int interpolation) {  // [n, R, R] uint8
  auto moved = at::empty_like(planes);
  const auto side = static_cast<int>(planes.size(-1));
  for (std::int64_t i = 0; i < planes.size(0); ++i) {
    const cv::Mat from(side, side, CV_8U, planes.select(0, i).data_ptr<std::uint8_t>());
    cv::Mat to(side, side, CV_8U, moved.select(0, i).data_ptr<std::uint8_t>());
    cv::warpAffine(from, to, motion, to.size(), interpolation, cv::BORDER_CONSTANT, cv::Scalar(0));
  }
  return moved;
}

at::Tensor change_intensity(const at::Tensor& image, const AugmentOptions& options, Random& random) {
  const double gain = 1.0 + either_way(options.contrast, random), shift = 255.0 * either_way(options.brightness, random);
  const double noise = 255.0 * options.noise * random.uniform();
  if (gain == 1.0 && shift == 0.0 && noise == 0.0) return image;
  auto changed = image.to(at::kFloat).sub_(127.5).mul_(gain).add_(127.5 + shift);
  if (noise > 0.0) {
    auto plane = at::empty({image.size(1), image.size(2)});
    auto* values = plane.data_ptr<float>();
    for (std::int64_t i = 0; i < plane.numel(); ++i) values[i] = static_cast<float>(noise * random.normal());
    changed.add_(plane);
  }
  return changed.round_().clamp_(0, 255).to(at::kByte);
}

}  // namespace

Sample augment(const Sample& sample, const AugmentOptions& options, Random& random) {
  Sample changed;
  const auto side = static_cast<int>(sample.image.size(-1));
  const cv::Mat motion = random_motion(options, side, random);
  if (options.rotate_degrees == 0 && options.scale == 0 && options.shift == 0 && options.flip == 0) {
    changed = sample;
    changed.image = change_intensity(sample.image, options, random);
    return changed;
  }
  changed.image = change_intensity(warp(sample.image.contiguous(), motion, cv::INTER_LINEAR), options, random);
  changed.queries = sample.queries;
  if (sample.ignore.defined()) {  // what comes in from outside of the image is black, and known to hold nothing
    changed.ignore =
        warp(sample.ignore.unsqueeze(0).to(at::kByte).contiguous(), motion, cv::INTER_NEAREST).squeeze(0).to(at::kBool);
  }
  for (std::size_t q = 0; q < sample.masks.size(); ++q) {
    auto masks = sample.masks[q];
    if (masks.size(0) > 0) {
      masks = warp(masks.to(at::kByte).contiguous(), motion, cv::INTER_NEAREST).to(at::kBool);
      masks = masks.index({masks.flatten(1).any(1)});
    }
    changed.queries[q].present = masks.size(0) > 0;
    changed.masks.push_back(masks);
  }
  return changed;
}

}  // namespace sam3lab
