#include "plugins/datasets/shared/masks/label_masks.h"

#include <algorithm>
#include <vector>

#include <opencv2/imgproc.hpp>
#include <torch/types.h>

namespace sam3lab::datasets {

at::Tensor connected_parts(const at::Tensor& mask, std::int64_t min_pixels) {
  auto bytes = mask.to(torch::kUInt8).contiguous();
  auto numbers = torch::empty(mask.sizes(), torch::kInt32);
  const cv::Mat in(static_cast<int>(mask.size(0)), static_cast<int>(mask.size(1)), CV_8U, bytes.data_ptr());
  cv::Mat out(in.size(), CV_32S, numbers.data_ptr());
  const int count = cv::connectedComponents(in, out, 8, CV_32S);
  std::vector<at::Tensor> parts;
  for (int i = 1; i < count; ++i) {
    if (auto part = numbers == i; part.sum().item<std::int64_t>() >= min_pixels) parts.push_back(part);
  }
  return parts.empty() ? torch::zeros({0, mask.size(0), mask.size(1)}, torch::kBool) : torch::stack(parts);
}

at::Tensor numbered_objects(const at::Tensor& stored, const at::Tensor& mask) {
  const auto values = std::get<0>(at::_unique(stored.masked_select(mask)));
  return stored.unsqueeze(0).eq(values.view({-1, 1, 1})).logical_and(mask);
}

void add_masks(const std::string& label, const at::Tensor& masks, std::int64_t min_pixels, LabelledImage& out) {
  const auto whole = masks.contiguous();
  const auto area = whole.size(1) * whole.size(2);
  std::vector<std::int64_t> large;
  bool any = false;
  for (std::int64_t n = 0; n < whole.size(0); ++n) {
    // LibTorch's sum would make 8 bytes of each first.
    const bool* mask = whole.data_ptr<bool>() + n * area;
    const auto pixels = std::count(mask, mask + area, true);
    any = any || pixels > 0;
    if (pixels >= min_pixels) large.push_back(n);
  }
  if (!any) return;
  if (large.empty()) {
    out.unsure.push_back(label);
  } else {
    const bool all = static_cast<std::int64_t>(large.size()) == whole.size(0);
    out.labels.push_back({label, all ? whole : whole.index_select(0, torch::tensor(large, torch::kInt64))});
  }
}

}  // namespace sam3lab::datasets
