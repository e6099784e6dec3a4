#include "core/data/box_prompts.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace sam3lab {
namespace {

constexpr const char* text_of_box_alone = "visual";  // what the published model reads where a prompt is a box alone

Edges noise_for(const Edges& box, std::int64_t height, std::int64_t width, const AugmentOptions& options, Random& random) {
  Edges noise{};
  const std::array<double, 2> size = {box[2] - box[0], box[3] - box[1]};
  const std::array<double, 2> most = {options.box_jitter_most / static_cast<double>(width),
                                      options.box_jitter_most / static_cast<double>(height)};
  for (std::size_t i = 0; i < noise.size(); ++i)
    noise.at(i) = std::clamp(options.box_jitter * random.normal() * size.at(i % 2), -most.at(i % 2), most.at(i % 2));
  return noise;
}

at::Tensor box_of(const at::Tensor& mask, std::int64_t height, std::int64_t width, const AugmentOptions& options,
                  Random& random) {
  const auto found = boxes_of(mask.unsqueeze(0)).to(at::kDouble);
  const auto* c = found.const_data_ptr<double>();  // cx, cy, w, h
  Edges box = {c[0] - c[2] / 2, c[1] - c[3] / 2, c[0] + c[2] / 2, c[1] + c[3] / 2};
  if (options.box_jitter > 0.0) box = jittered(box, noise_for(box, height, width, options, random));
  return at::tensor({(box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]}, at::kFloat).view({1, 4});
}

}  // namespace

Edges jittered(const Edges& box, const Edges& noise) {
  Edges moved{};
  for (std::size_t i = 0; i < box.size(); ++i) moved.at(i) = std::clamp(box.at(i) + noise.at(i), 0.0, 1.0);
  return (moved[2] - moved[0]) * (moved[3] - moved[1]) > 0.0 && moved[2] > moved[0] ? moved : box;
}

void give_boxes(Sample& sample, std::int64_t height, std::int64_t width, const AugmentOptions& options, Random& random) {
  if (options.box_prompt <= 0.0) return;
  sample.boxes.resize(sample.queries.size());
  for (std::size_t q = 0; q < sample.queries.size(); ++q) {
    const auto& masks = sample.masks[q];
    if (masks.size(0) == 0 || random.uniform() >= options.box_prompt) continue;
    const auto chosen = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(masks.size(0))));
    sample.boxes[q] = box_of(masks[chosen], height, width, options, random);
    if (!options.box_keeps_text) sample.queries[q].text = text_of_box_alone;
  }
}

BoxPrompts pack_boxes(const std::vector<Sample>& samples) {
  std::vector<at::Tensor> rows;  // undefined: none
  std::int64_t longest = 0;
  for (const auto& sample : samples) {
    for (std::size_t q = 0; q < sample.queries.size(); ++q) {
      rows.push_back(q < sample.boxes.size() ? sample.boxes[q] : at::Tensor());
      if (rows.back().defined()) longest = std::max(longest, rows.back().size(0));
    }
  }
  if (longest == 0) return {};
  const auto queries = static_cast<std::int64_t>(rows.size());
  BoxPrompts prompts{at::zeros({queries, longest, 4}), at::ones({queries, longest}, at::kLong),
                     at::ones({queries, longest}, at::kBool)};
  for (std::int64_t q = 0; q < queries; ++q) {
    const auto& row = rows[static_cast<std::size_t>(q)];
    if (!row.defined()) continue;
    prompts.boxes[q].narrow(0, 0, row.size(0)).copy_(row);
    prompts.padding[q].narrow(0, 0, row.size(0)).fill_(false);
  }
  return prompts;
}

}  // namespace sam3lab
