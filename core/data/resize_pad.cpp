#include "core/data/resize_pad.h"

#include <ATen/ATen.h>

namespace sam3lab {

std::int64_t random_side(const AugmentOptions& options, std::int64_t side, Random& random) {
  if (options.smallest_side <= 0 || options.smallest_side > side) return side;
  const auto sides = (side - options.smallest_side) / options.side_step + 1;
  return options.smallest_side + options.side_step * static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(sides)));
}

Sample padded(Sample sample, std::int64_t side, Random& random) {
  const auto inner = sample.image.size(-1), room = side - inner;
  if (room == 0) return sample;
  const auto left = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room + 1)));
  const auto top = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room + 1)));
  const auto pad = [&](const at::Tensor& planes) {
    return at::constant_pad_nd(planes, {left, room - left, top, room - top}, 0);
  };
  sample.image = pad(sample.image);
  for (auto& masks : sample.masks) masks = pad(masks);
  if (sample.ignore.defined()) sample.ignore = pad(sample.ignore);
  const double scale = static_cast<double>(inner) / static_cast<double>(side);
  const auto corner =
      at::tensor({static_cast<double>(left), static_cast<double>(top), 0.0, 0.0}, at::kFloat) / static_cast<double>(side);
  for (auto& boxes : sample.boxes) {
    if (boxes.defined()) boxes = boxes * scale + corner;
  }
  return sample;
}

}  // namespace sam3lab
