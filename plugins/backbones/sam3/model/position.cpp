#include "plugins/backbones/sam3/model/position.h"

#include <numbers>
#include <vector>

#include <ATen/ATen.h>

namespace sam3lab::sam3 {

namespace {

constexpr double temperature = 10000.0;
constexpr double turn = 2.0 * std::numbers::pi;

// Interleaves sines of even features with cosines of odd ones.
at::Tensor waves(const at::Tensor& angle, std::int64_t features) {
  const at::Tensor i = at::arange(features, angle.options());
  const at::Tensor period = at::pow(at::Scalar(temperature), (i / 2).floor() * 2 / static_cast<double>(features));
  const at::Tensor phase = angle.unsqueeze(-1) / period;
  const at::Tensor even = phase.slice(-1, 0, features, 2), odd = phase.slice(-1, 1, features, 2);
  return at::stack({even.sin(), odd.cos()}, -1).flatten(-2);
}

}  // namespace

at::Tensor sine(const at::Tensor& value, std::int64_t features) { return waves(value * turn, features); }

at::Tensor sine_of_boxes(const at::Tensor& boxes, std::int64_t width) {
  const std::vector<at::Tensor> parts = sine(boxes, width / 2).unbind(-2);  // x, y, w, h
  return at::cat({parts[1], parts[0], parts[2], parts[3]}, -1);
}

at::Tensor SineGrid::operator()(std::int64_t height, std::int64_t width, const at::TensorOptions& options) {
  const std::lock_guard lock(guard_);
  const auto device = options.device();
  at::Tensor& kept = kept_[{height, width, device.is_cpu() ? -1 : std::int64_t{device.index()}}];
  if (!kept.defined()) {
    const at::NoGradGuard no_grad;
    const auto float_options = at::TensorOptions().dtype(at::kFloat).device(device);
    const auto axis = [&](std::int64_t n) {
      const at::Tensor cells = at::arange(1, n + 1, float_options);
      return waves(cells / (static_cast<double>(n) + 1e-6) * turn, width_ / 2);
    };
    const at::Tensor y = axis(height).unsqueeze(1).expand({height, width, width_ / 2});
    const at::Tensor x = axis(width).unsqueeze(0).expand({height, width, width_ / 2});
    kept = at::cat({y, x}, -1).view({1, height * width, width_});
  }
  return kept.to(options.dtype());
}

at::Tensor axial_phases(std::int64_t head_dim, std::int64_t side, double scale) {
  const at::NoGradGuard no_grad;
  const at::Tensor exponent = at::arange(0, head_dim, 4, at::kFloat) / static_cast<double>(head_dim);
  const at::Tensor frequency = at::pow(at::Scalar(temperature), exponent).reciprocal();
  const at::Tensor cell = at::arange(side * side, at::kFloat);
  const at::Tensor x = at::remainder(cell, side) * scale, y = at::floor(cell / side) * scale;
  const at::Tensor angle = at::cat({at::outer(x, frequency), at::outer(y, frequency)}, -1);
  return at::polar(at::ones_like(angle), angle);
}

at::Tensor inverse_sigmoid(const at::Tensor& x) {
  const at::Tensor inside = x.clamp(0, 1);
  return at::log(inside.clamp_min(1e-3) / (1 - inside).clamp_min(1e-3));
}

}  // namespace sam3lab::sam3
