#include "plugins/datasets/array_stack/image_stack.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <sam3lab/api/arrays.h>
#include <sam3lab/api/error.h>
#include <torch/types.h>

#include "plugins/datasets/shared/paths/folder_scan.h"
#include "plugins/datasets/shared/masks/label_masks.h"
#include "plugins/datasets/shared/paths/path_stem.h"
#include "plugins/datasets/shared/paths/path_template.h"
#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::array_stack {
namespace {

constexpr const char* where = "dataset/array_stack";

std::string text_of(const std::vector<std::int64_t>& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

const ArrayInfo& array_of(const std::vector<ArrayInfo>& arrays, const std::string& file, const std::string& variable) {
  const auto named = std::find_if(arrays.begin(), arrays.end(), [&](const auto& one) { return one.name == variable; });
  if (named != arrays.end()) return *named;
  if (variable.empty() && arrays.size() == 1) return arrays.front();
  throw DataError(Fault{file, variable.empty() ? "holds several arrays, or none" : "holds no array '" + variable + "'",
                        std::to_string(arrays.size()) + " arrays", "one", "name it with `variable` or `mask_variable`"});
}

// [H, W] or [H, W, 3] of any type -> [H, W, 1 or 3], uint8 or int32 in 0..65535.
at::Tensor as_raster(at::Tensor image, const std::string& file) {
  if (image.dim() == 2) image = image.unsqueeze(2);
  if (image.scalar_type() == torch::kUInt8) return image.contiguous();
  const auto numbers = image.to(torch::kFloat64);
  const auto least = numbers.min().item<double>(), most = numbers.max().item<double>();
  if (!(least >= 0.0 && most <= 65535.0)) {
    throw DataError(Fault{file, "an image with values that are none of an image", fmt::format("{} to {}", least, most),
                          "0 to 255, or 0 to 65535", ""});
  }
  return numbers.round().to(most > 255.0 ? torch::kInt32 : torch::kUInt8).contiguous();
}

// [H, W] or [H, W, C] of any type -> int32 of the same shape, whole numbers from 0 on.
at::Tensor as_numbers(const at::Tensor& masks, const std::string& file) {
  const auto numbers = masks.to(torch::kFloat64);
  const auto fit = numbers.eq(numbers.floor()).logical_and(numbers.ge(0)).logical_and(numbers.le(2147483647.0));
  if (!fit.all().item<bool>()) {
    throw DataError(
        Fault{file, "a mask with values that are no numbers of objects", "", "whole numbers, 0 where nothing is", ""});
  }
  return numbers.to(torch::kInt32);
}

void check(const ArrayStackOptions& options) {
  std::vector<Fault> faults;
  if (options.masks.size() != 1)
    faults.push_back({where, "`masks` takes one template", std::to_string(options.masks.size()), "1", ""});
  for (const auto& rename : options.subsets) {
    const auto equals = rename.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == rename.size())
      faults.push_back({where, "'" + rename + "' of `subsets` is no renaming", "", "\"fold3=test\"", ""});
  }
  auto sorted = options.labels;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    faults.push_back({where, "`labels` names a label twice", "", "another name for each channel", ""});
  if (!faults.empty()) throw UsageError(faults);
}

std::string renamed(const Texts& subsets, const std::string& subset) {
  for (const auto& rename : subsets) {
    if (rename.substr(0, rename.find('=')) == subset) return rename.substr(rename.find('=') + 1);
  }
  return subset;
}

}  // namespace

ImageStack::ImageStack(ArrayStackOptions options) : options_(std::move(options)) {
  check(options_);
  std::vector<PathTemplate> images, all;
  std::map<std::string, std::string> expressions;
  for (const auto& text : options_.images) {
    images.emplace_back(text, expressions);
    expressions.merge(images.back().expressions());
  }
  const PathTemplate masks(options_.masks.front(), expressions);
  all = images;
  all.push_back(masks);
  const auto paths = scan_folder(options_.root, all);
  for (const auto& path : paths) {
    for (const auto& one : images) {
      auto gaps = one.match(path);
      if (!gaps) continue;
      auto found = masks.find(paths, *gaps);
      std::erase(found, path);
      Stack stack;
      stack.name = without_ending(path);
      gaps->insert_or_assign("stack", stack.name);
      gaps->insert_or_assign("index", "{index}");
      stack.subject = fill_gaps(options_.subject, *gaps, where);
      stack.site = fill_gaps(options_.site, *gaps, where);
      stack.subset = renamed(options_.subsets, fill_gaps(options_.subset, *gaps, where));
      if (found.size() == 1) {
        add(path, found.front(), std::move(stack));
      } else {
        faults_.push_back({(std::filesystem::path(options_.root) / path).string(), "has not one file of masks",
                           std::to_string(found.size()), masks.text(), "is the download complete?"});
      }
      break;
    }
  }
  if (options_.expect > 0 && size_ != options_.expect)
    faults_.push_back({options_.root, "another number of images than the source has", std::to_string(size_),
                       std::to_string(options_.expect), "is the download complete?"});
}

void ImageStack::add(const std::string& image, const std::string& mask, Stack stack) {
  const std::filesystem::path root(options_.root);
  stack.images = (root / image).string();
  stack.masks = (root / mask).string();
  try {
    const auto images = array_of(list_arrays(stack.images), stack.images, options_.variable).shape;
    const auto objects = array_of(list_arrays(stack.masks), stack.masks, options_.mask_variable).shape;
    const auto channels = static_cast<std::int64_t>(options_.labels.size());
    if (images.size() != 3 && !(images.size() == 4 && images[3] == 3)) {
      faults_.push_back({stack.images, "is no stack of images", text_of(images), "[N, H, W] or [N, H, W, 3]", ""});
    } else if (objects.size() < 3 || objects.size() > 4 || !std::equal(images.begin(), images.begin() + 3, objects.begin())) {
      faults_.push_back({stack.masks, "does not go with its images", text_of(objects), text_of(images) + " at the front", ""});
    } else if (const auto given = objects.size() == 3 ? 1 : objects[3]; given < channels) {
      faults_.push_back({stack.masks, "has fewer channels than `labels`", std::to_string(given), std::to_string(channels), ""});
    } else {
      stack.first = size_;
      stack.count = images[0];
      size_ += stack.count;
      stacks_.push_back(std::move(stack));
    }
  } catch (const DataError& error) {
    faults_.push_back({stack.images, "cannot be opened", error.what(), "", ""});
  }
}

const ImageStack::Stack& ImageStack::stack_of(std::int64_t index) const {
  const auto behind =
      std::upper_bound(stacks_.begin(), stacks_.end(), index, [](std::int64_t i, const Stack& s) { return i < s.first; });
  return *std::prev(behind);
}

Item ImageStack::item(std::int64_t index) const {
  const auto& stack = stack_of(index);
  const auto number = index - stack.first;
  Item item;
  item.id = fmt::format("{}/{:05}", stack.name, number);
  item.subject = stack.subject;
  const std::string gap = "{index}";
  for (auto at = item.subject.find(gap); at != std::string::npos; at = item.subject.find(gap, at + 1))
    item.subject.replace(at, gap.size(), fmt::format("{:05}", number));
  item.begin = static_cast<double>(number);
  item.end = item.begin + 1.0;
  item.subset = stack.subset;
  item.site = stack.site;
  return item;
}

LabelledImage ImageStack::load(std::int64_t index) const {
  const auto& stack = stack_of(index);
  const ArrayRows row{index - stack.first, 1};
  LabelledImage out;
  const auto raster = as_raster(read_array(stack.images, options_.variable, row).select(0, 0), stack.images);
  out.image = windowed_image(raster, {}, stack.images);
  auto numbers = as_numbers(read_array(stack.masks, options_.mask_variable, row).select(0, 0), stack.masks);
  if (numbers.dim() == 2) numbers = numbers.unsqueeze(2);
  for (std::size_t i = 0; i < options_.labels.size(); ++i) {
    const auto channel = numbers.select(2, static_cast<std::int64_t>(i)).contiguous();
    const auto mask = channel.ne(0);
    if (!mask.any().item<bool>()) continue;
    add_masks(options_.labels[i], options_.targets == "instances" ? numbered_objects(channel, mask) : mask.unsqueeze(0),
              options_.min_pixels, out);
  }
  if (options_.pixel_um > 0) out.spacing_mm = {options_.pixel_um / 1000.0, options_.pixel_um / 1000.0};
  return out;
}

std::vector<std::string> ImageStack::labels() const {
  auto labels = options_.labels;
  std::sort(labels.begin(), labels.end());
  return labels;
}

std::vector<std::string> ImageStack::files() const {
  std::vector<std::string> files;
  for (const auto& stack : stacks_) {
    files.push_back(stack.images);
    files.push_back(stack.masks);
  }
  return files;
}

}  // namespace sam3lab::datasets::array_stack
