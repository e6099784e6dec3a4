// Position encodings: sines of grid cells, points and boxes (position_encoding.py, model_misc.gen_sineembed_for_position), and
// rotary phases of a 2D grid (vitdet.compute_axial_cis). Boxes are (centre x, centre y, width, height) in 0..1.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <tuple>

#include <ATen/core/Tensor.h>

namespace sam3lab::sam3 {

// Sines and cosines of 2 pi value / 10000^(2 floor(i/2) / features): [...] -> [..., features], features even.
[[nodiscard]] at::Tensor sine(const at::Tensor& value, std::int64_t features);

// [..., 4] boxes -> [..., 2 width]: y, x, width, height with `width`/2 features each.
[[nodiscard]] at::Tensor sine_of_boxes(const at::Tensor& boxes, std::int64_t width);

// Encoded position of each cell of an h x w grid, [1, h*w, width]: y then x, counted from 1 and divided by the last. Results
// are cached by size.
class SineGrid {
 public:
  explicit SineGrid(std::int64_t width) : width_(width) {}
  [[nodiscard]] at::Tensor operator()(std::int64_t height, std::int64_t width, const at::TensorOptions& options);

 private:
  std::int64_t width_;
  std::mutex guard_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, at::Tensor> kept_;  // by size and device
};

// Complex phases of absolute value 1, [side*side, head_dim/2]: the first half depends on x, the second on y. Coordinates are
// multiplied with `scale`.
[[nodiscard]] at::Tensor axial_phases(std::int64_t head_dim, std::int64_t side, double scale);

// log(x / (1 - x)). x is clamped to 0..1 first, then x and 1 - x to at least 1e-3.
[[nodiscard]] at::Tensor inverse_sigmoid(const at::Tensor& x);

}  // namespace sam3lab::sam3
