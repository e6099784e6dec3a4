#include "core/data/sample.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <ATen/ATen.h>

#include "core/image/model_image.h"
#include "core/data/box_prompts.h"

namespace sam3lab {
namespace {

// Which of `length` pixels each of `side` is nearest to, by LibTorch's own rounding (nearest-exact).
std::vector<std::int64_t> nearest_pixels(std::int64_t length, std::int64_t side) {
  const auto line = at::arange(length, at::kFloat).view({1, 1, 1, length});
  const auto nearest = at::_upsample_nearest_exact2d(line, {1, side}).to(at::kLong).contiguous();
  return {nearest.data_ptr<std::int64_t>(), nearest.data_ptr<std::int64_t>() + side};
}

at::Tensor resize_masks(const at::Tensor& masks, std::int64_t side) {
  const auto height = masks.size(-2), width = masks.size(-1);
  if (width == side && height == side) return masks;
  const auto rows = nearest_pixels(height, side), columns = nearest_pixels(width, side);
  const auto from = masks.contiguous();
  auto to = at::empty({masks.size(0), side, side}, at::kBool);
  for (std::int64_t n = 0; n < masks.size(0); ++n) {
    const bool* mask = from.data_ptr<bool>() + n * height * width;
    bool* resized = to.data_ptr<bool>() + n * side * side;
    for (std::int64_t y = 0; y < side; ++y, resized += side) {
      if (y > 0 && rows[static_cast<std::size_t>(y)] == rows[static_cast<std::size_t>(y - 1)]) {
        std::copy_n(resized - side, side, resized);
        continue;
      }
      const bool* row = mask + rows[static_cast<std::size_t>(y)] * width;
      for (std::int64_t x = 0; x < side; ++x) resized[x] = row[columns[static_cast<std::size_t>(x)]];
    }
  }
  return to;
}

// First and one past the last row and column of a mask [H, W] that lies in one piece. LibTorch's reductions of bool are an
// order of magnitude slower.
struct Extent {
  std::int64_t left, right, top = -1, bottom = 0;
  Extent(const bool* mask, std::int64_t height, std::int64_t width) : left(width), right(0) {
    for (std::int64_t y = 0; y < height; ++y, mask += width) {
      const auto* first = static_cast<const bool*>(std::memchr(mask, 1, static_cast<std::size_t>(width)));
      if (first == nullptr) continue;
      const auto* last = static_cast<const bool*>(memrchr(mask, 1, static_cast<std::size_t>(width)));
      left = std::min<std::int64_t>(left, first - mask);
      right = std::max<std::int64_t>(right, last - mask + 1);
      if (top < 0) top = y;
      bottom = y + 1;
    }
  }
  [[nodiscard]] bool empty() const { return top < 0; }
};

std::vector<Extent> extents_of(const at::Tensor& masks) {
  const auto whole = masks.contiguous();
  const auto height = masks.size(1), width = masks.size(2);
  std::vector<Extent> extents;
  for (std::int64_t n = 0; n < masks.size(0); ++n)
    extents.emplace_back(whole.data_ptr<bool>() + n * height * width, height, width);
  return extents;
}

at::Tensor without_empty(const at::Tensor& masks) {
  const auto extents = extents_of(masks);
  std::vector<std::int64_t> kept;
  for (std::size_t n = 0; n < extents.size(); ++n) {
    if (!extents[n].empty()) kept.push_back(static_cast<std::int64_t>(n));
  }
  return kept.size() == extents.size() ? masks : masks.index_select(0, at::tensor(kept, at::kLong));
}

// Undefined where nothing is left to ignore at this size: losses then take their usual path.
at::Tensor resize_ignore(const at::Tensor& ignore, std::int64_t side) {
  if (!ignore.defined()) return {};
  auto resized = resize_masks(ignore.unsqueeze(0), side).squeeze(0);
  return resized.any().item<bool>() ? resized : at::Tensor();
}

// [Q, R, R] if any of the images has pixels to ignore.
at::Tensor pack_ignore(const std::vector<Sample>& samples, std::int64_t side) {
  if (std::none_of(samples.begin(), samples.end(), [](const Sample& sample) { return sample.ignore.defined(); })) return {};
  std::vector<at::Tensor> rows;
  for (const auto& sample : samples) {
    const auto row = sample.ignore.defined() ? sample.ignore : at::zeros({side, side}, at::kBool);
    rows.insert(rows.end(), sample.masks.size(), row);
  }
  return rows.empty() ? at::Tensor() : at::stack(rows);
}

Targets pack(const std::vector<Sample>& samples, std::int64_t side) {
  std::vector<std::int64_t> counts;
  std::vector<at::Tensor> masks;
  for (const auto& sample : samples) {
    for (const auto& of_query : sample.masks) {
      counts.push_back(of_query.size(0));
      masks.push_back(of_query);
    }
  }
  Targets targets;
  targets.num_boxes = at::tensor(counts, at::kLong);
  targets.masks = masks.empty() ? at::zeros({0, side, side}, at::kBool) : at::cat(masks);
  targets.boxes = boxes_of(targets.masks);
  const auto queries = static_cast<std::int64_t>(counts.size());
  const auto widest = counts.empty() ? 1 : std::max<std::int64_t>(1, *std::max_element(counts.begin(), counts.end()));
  targets.boxes_padded = at::zeros({queries, widest, 4});
  std::int64_t start = 0;
  for (std::int64_t q = 0; q < queries; ++q) {
    const auto n = counts[static_cast<std::size_t>(q)];
    if (n > 0) targets.boxes_padded.select(0, q).narrow(0, 0, n).copy_(targets.boxes.narrow(0, start, n));
    start += n;
  }
  targets.ignore = pack_ignore(samples, side);
  return targets;
}

}  // namespace

at::Tensor boxes_of(const at::Tensor& masks) {
  if (masks.size(0) == 0) return at::zeros({0, 4});
  std::array<std::vector<float>, 4> sides;
  for (const auto& extent : extents_of(masks)) {
    sides[0].push_back(static_cast<float>(extent.left));
    sides[1].push_back(static_cast<float>(extent.right));
    sides[2].push_back(static_cast<float>(extent.top));
    sides[3].push_back(static_cast<float>(extent.bottom));
  }
  const auto height = static_cast<double>(masks.size(1)), width = static_cast<double>(masks.size(2));
  const auto x0 = at::tensor(sides[0]) / width, x1 = at::tensor(sides[1]) / width;
  const auto y0 = at::tensor(sides[2]) / height, y1 = at::tensor(sides[3]) / height;
  return at::stack({(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0}, 1);
}

Sample make_sample(const LabelledImage& image, const std::vector<PromptQuery>& queries, std::int64_t side) {
  Sample sample;
  sample.image = resize_image(image.image, side).permute({2, 0, 1}).contiguous();
  sample.queries = queries;
  sample.ignore = resize_ignore(image.ignore, side);
  for (auto& query : sample.queries) {
    auto masks = at::zeros({0, side, side}, at::kBool);
    if (query.present) {
      for (const auto& label : image.labels) {
        if (label.label != query.label) continue;
        masks = resize_masks(label.masks, side);
        if (sample.ignore.defined()) masks = masks.logical_and(sample.ignore.logical_not());
        masks = without_empty(masks);
      }
    }
    query.present = masks.size(0) > 0;
    sample.masks.push_back(masks);
  }
  return sample;
}

Batch collate(const std::vector<Sample>& samples) {
  Batch batch;
  std::vector<at::Tensor> images;
  std::vector<std::int64_t> index;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    images.push_back(samples[i].image);
    for (const auto& query : samples[i].queries) {
      batch.texts.push_back(query.text);
      index.push_back(static_cast<std::int64_t>(i));
    }
  }
  batch.images = normalised(at::stack(images));
  batch.image_index = at::tensor(index, at::kLong);
  batch.box_prompts = pack_boxes(samples);
  batch.targets = pack(samples, batch.images.size(-1));
  return batch;
}

}  // namespace sam3lab
