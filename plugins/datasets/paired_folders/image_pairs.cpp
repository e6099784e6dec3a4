#include "plugins/datasets/paired_folders/image_pairs.h"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::paired_folders {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& got, const std::string& expected) {
  throw UsageError(Fault{"dataset/paired_folders", what, got, expected, ""});
}

void check(const PairedFoldersOptions& options) {
  if (options.images.empty() || options.masks.empty()) refuse("no templates", "", "at least one of `images` and of `masks`");
  if (options.table.empty() == options.labels.empty())
    refuse("masks need one source of labels", "", "either `labels` or `table`");
  const auto& mask = options.mask;
  if (!options.table.empty() && !mask.may_have_table())
    refuse("this encoding has no table", mask.encoding, "`labels`: one for each masks template, or one for all");
  if (options.table.empty() && mask.by_table()) refuse("this encoding needs a table", mask.encoding, "`table`");
  if (mask.type_variable.empty() == false && (mask.encoding != "mat" || options.table.empty()))
    refuse("`type_variable` without its table", mask.encoding, "encoding = \"mat\" with `table`");
  if (options.labels.size() > 1 && options.labels.size() != options.masks.size())
    refuse("labels and masks templates do not match", fmt::format("{} and {}", options.labels.size(), options.masks.size()),
           "one label for each masks template, or one for all");
  if (std::find(options.labels.begin(), options.labels.end(), "") != options.labels.end())
    refuse("a label without a name", "", "");
  if (options.spacing_table.empty() != options.spacing_mm.empty() || options.spacing_mm.size() > 2)
    refuse("a table of pixel sizes needs its columns", fmt::format("{} in spacing_mm", options.spacing_mm.size()),
           "`spacing_table` with one or two columns in `spacing_mm`, or neither");
  if (!options.spacing_table.empty() && options.pixel_um > 0)
    refuse("two sizes of a pixel", "", "either `spacing_table` or `pixel_um`");
  options.shown.check("dataset/paired_folders");
}

}  // namespace

ImagePairs::ImagePairs(PairedFoldersOptions options) : options_(std::move(options)) {
  check(options_);
  read_labels();
  pairing_ = pair_files(options_);
}

void ImagePairs::read_labels() {
  reader_.options = options_.mask;
  if (options_.mask.encoding == "labelme" && !options_.table.empty()) {
    reader_.words = read_label_words(options_.table);
    for (const auto& entry : reader_.words) reader_.labels.push_back(entry.label);
  } else if (!options_.table.empty()) {
    reader_.table = options_.mask.encoding == "colours" ? read_colour_table(options_.table) : read_label_table(options_.table);
    for (const auto& entry : reader_.table) reader_.labels.push_back(entry.label);
  }
  for (std::size_t m = 0; m < options_.masks.size(); ++m) {
    if (options_.labels.empty()) {
      label_of_template_.push_back(0);
      continue;
    }
    const auto& label = options_.labels[options_.labels.size() == 1 ? 0 : m];
    const auto known = std::find(reader_.labels.begin(), reader_.labels.end(), label);
    label_of_template_.push_back(static_cast<std::size_t>(known - reader_.labels.begin()));
    if (known == reader_.labels.end()) reader_.labels.push_back(label);
  }
}

const std::vector<std::size_t>& ImagePairs::kept() const {
  std::call_once(once_, [this] {
    const auto all = static_cast<std::int64_t>(pairing_.pairs.size());
    std::vector<std::uint8_t> keep(pairing_.pairs.size(), 1);
    const auto look = [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const auto& pair = pairing_.pairs[static_cast<std::size_t>(i)];
        const bool files =
            std::any_of(pair.masks.begin(), pair.masks.end(), [](const auto& set) { return !set.files.empty(); });
        bool empty = !files;
        try {
          if (files) {
            const auto image = read(pair);
            empty = image.labels.empty() && image.unsure.empty();
          }
        } catch (const DataError&) {  // kept: whoever reads it is told
        }
        keep[static_cast<std::size_t>(i)] = empty ? 0 : 1;
      }
    };
    if (options_.empty == "drop") at::parallel_for(0, all, 16, look);
    for (std::size_t i = 0; i < keep.size(); ++i) {
      if (keep[i] != 0) kept_.push_back(i);
    }
  });
  return kept_;
}

std::int64_t ImagePairs::size() const { return static_cast<std::int64_t>(kept().size()); }
std::int64_t ImagePairs::dropped() const { return static_cast<std::int64_t>(pairing_.pairs.size()) - size(); }
const Pair& ImagePairs::pair(std::int64_t index) const { return pairing_.pairs[kept().at(static_cast<std::size_t>(index))]; }

std::string ImagePairs::below_root(const std::string& path) const {
  return (std::filesystem::path(options_.root) / path).string();
}

LabelledImage ImagePairs::read(const Pair& pair) const {
  const auto file = below_root(pair.image);
  LabelledImage out;
  out.image = windowed_image(read_raster(file), options_.shown, file);
  const auto height = out.image.size(0), width = out.image.size(1);
  out.spacing_mm = pair.spacing_mm;
  FoundMasks found(reader_.labels.size(), height, width, options_.targets == "instances", file);
  std::vector<bool> unsure(reader_.labels.size(), false);
  for (std::size_t m = 0; m < pair.masks.size(); ++m) {
    const auto label = label_of_template_[m];
    for (const auto& mask : pair.masks[m].files)
      read_mask_file(reader_,
                     {below_root(mask), label, pair.masks[m].one_object_each, pair.mark, options_.missing_mask == "empty"},
                     found);
    // With missing_mask = "error" there is a fault besides; nothing is invented for whoever goes on regardless.
    if (!pair.masks[m].files.empty() || options_.missing_mask == "empty") continue;
    if (options_.labels.empty()) {
      unsure.assign(unsure.size(), true);
    } else {
      unsure[label] = true;
    }
  }
  if (!pair.field_of_view.empty()) found.ignore(read_above(below_root(pair.field_of_view), 127.0, height, width).logical_not());
  found.put_into(out, reader_.labels, unsure, options_.min_pixels);
  return out;
}

std::vector<std::string> ImagePairs::files() const {
  std::vector<std::string> files;
  for (const auto& pair : pairing_.pairs) {
    files.push_back(below_root(pair.image));
    for (const auto& set : pair.masks) {
      for (const auto& mask : set.files) files.push_back(below_root(mask));
    }
    if (!pair.field_of_view.empty()) files.push_back(below_root(pair.field_of_view));
  }
  for (const auto& table : {options_.table, options_.subject_table}) {
    if (!table.empty()) files.push_back(table);
  }
  if (!options_.spacing_table.empty()) files.push_back(below_root(options_.spacing_table));
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

}  // namespace sam3lab::datasets::paired_folders
