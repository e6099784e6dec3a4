#include "core/train/sample.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "core/image/model_image.h"
#include "core/train/box_prompts.h"

namespace sam3lab {
namespace {

at::Tensor resize_masks(const at::Tensor& masks, std::int64_t side) {
  if (masks.size(-1) == side && masks.size(-2) == side) return masks;
  return at::_upsample_nearest_exact2d(masks.to(at::kByte).unsqueeze(0), {side, side}).squeeze(0).to(at::kBool);
}

at::Tensor without_empty(const at::Tensor& masks) { return masks.index({masks.flatten(1).any(1)}); }

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
  const auto side = [](const at::Tensor& occupied) {  // [n, length] bool -> first and one past the last
    const auto length = occupied.size(1);
    const auto first = occupied.to(at::kInt).argmax(1);
    const auto last = length - occupied.flip(1).to(at::kInt).argmax(1);
    return std::pair{first.to(at::kFloat) / static_cast<double>(length), last.to(at::kFloat) / static_cast<double>(length)};
  };
  const auto [x0, x1] = side(masks.any(1));
  const auto [y0, y1] = side(masks.any(2));
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
