#include "plugins/datasets/shared/masks/found_masks.h"

#include <algorithm>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/masks/label_masks.h"

namespace sam3lab::datasets {
namespace {

constexpr std::int64_t most_pixels = std::int64_t{1} << 31;

}  // namespace

FoundMasks::FoundMasks(std::size_t labels, std::int64_t height, std::int64_t width, bool instances, std::string where)
    : height_(height), width_(width), instances_(instances), where_(std::move(where)), masks_(labels), silent_(labels, false) {}

at::Tensor FoundMasks::canvas(std::size_t label) {
  auto& masks = masks_.at(label);
  if (!instances_ && !masks.empty()) return masks.front();
  pixels_ += height_ * width_;
  if (pixels_ > most_pixels) {
    std::size_t objects = 1;
    for (const auto& of_label : masks_) objects += of_label.size();
    throw DataError(Fault{where_, "too many objects for an image of this size",
                          fmt::format("{} or more of {} x {} pixels", objects, height_, width_),
                          fmt::format("at most {} pixels in all masks", most_pixels),
                          "set targets = \"class\", or cut the image into tiles"});
  }
  masks.push_back(torch::zeros({height_, width_}, torch::kBool));
  return masks.back();
}

void FoundMasks::add_object(std::size_t label, const at::Tensor& mask) { canvas(label).logical_or_(mask); }

void FoundMasks::add_area(std::size_t label, const at::Tensor& mask) {
  if (!instances_) return add_object(label, mask);
  const auto parts = connected_parts(mask, 1);
  for (std::int64_t i = 0; i < parts.size(0); ++i) add_object(label, parts[i]);
}

void FoundMasks::ignore(const at::Tensor& pixels) { ignore_ = ignore_.defined() ? ignore_.logical_or(pixels) : pixels; }

void FoundMasks::put_into(LabelledImage& image, const std::vector<std::string>& names, const std::vector<bool>& unsure,
                          std::int64_t min_pixels) const {
  const bool ignores = ignore_.defined() && ignore_.any().item<bool>();
  if (ignores) image.ignore = ignore_;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (unsure[i] || silent_[i]) {
      image.unsure.push_back(names[i]);
      continue;
    }
    if (masks_[i].empty()) continue;
    auto masks = torch::stack(masks_[i]);
    if (!masks.any().item<bool>()) continue;
    if (ignores) masks = masks.logical_and(ignore_.logical_not());
    if (masks.any().item<bool>()) {
      add_masks(names[i], masks, min_pixels, image);
    } else {
      image.unsure.push_back(names[i]);  // it is there, but only where nothing counts
    }
  }
}

}  // namespace sam3lab::datasets
