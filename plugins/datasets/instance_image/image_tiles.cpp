#include "plugins/datasets/instance_image/image_tiles.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/image_window.h"

namespace sam3lab::datasets::instance_image {
namespace {

void check_same_size(const at::Tensor& image, const at::Tensor& mask, const std::string& mask_file,
                     const std::string& image_file) {
  if (image.size(0) == mask.size(0) && image.size(1) == mask.size(1)) return;
  throw DataError(Fault{mask_file, "mask of another size than its image", fmt::format("{} x {}", mask.size(0), mask.size(1)),
                        fmt::format("{} x {} as {}", image.size(0), image.size(1), image_file),
                        "use the mask that belongs to this image"});
}

// Where tiles begin along a side; the last one ends with the image, so that no pixel is left out.
std::vector<std::int64_t> tile_starts(std::int64_t length, std::int64_t tile, std::int64_t stride) {
  std::vector<std::int64_t> starts;
  for (std::int64_t at = 0; at + tile <= length; at += stride) starts.push_back(at);
  if (starts.empty()) return {0};
  if (starts.back() + tile < length && stride <= tile) starts.push_back(length - tile);
  return starts;
}

}  // namespace

struct ImageTiles::Decoded {
  struct Tile {
    std::int64_t top, left, height, width;
  };
  at::Tensor image;    // [H, W, 3] uint8
  at::Tensor objects;  // [H, W] int32, 0 outside
  at::Tensor labels;   // [H, W] int32: 0, or 1 + index into names_
  std::vector<Tile> tiles;
};

ImageTiles::ImageTiles(InstanceImageOptions options) : options_(std::move(options)) {
  const auto refuse = [](const std::string& what, const std::string& expected) {
    throw UsageError(Fault{"dataset/instance_image", what, "", expected, ""});
  };
  if (options_.types.empty() != options_.table.empty()) refuse("`types` and `table` go together", "both or none");
  if (options_.types.empty() == options_.label.empty())
    refuse("objects need one source of labels", "either `label` or `types` and `table`");
  options_.shown.check("dataset/instance_image");
  if (options_.tile == 0 && options_.stride != 0) refuse("`stride` without `tile`", "both or none");
  if (options_.stride == 0) options_.stride = options_.tile;
  if (!options_.table.empty()) table_ = read_label_table(options_.table);
  for (const auto& entry : table_) names_.push_back(entry.label);
  if (table_.empty()) names_.push_back(options_.label);
  if (!options_.background.empty()) {
    if (std::find(names_.begin(), names_.end(), options_.background) != names_.end())
      refuse("`background` is also a label of objects", "");
    names_.push_back(options_.background);
  }
  if (options_.subject.empty()) options_.subject = std::filesystem::path(options_.image).stem().string();
}

ImageTiles::~ImageTiles() = default;

std::vector<std::string> ImageTiles::files() const {
  std::vector<std::string> files = {options_.image, options_.instances};
  if (!options_.types.empty()) files.insert(files.end(), {options_.types, options_.table});
  return files;
}

const ImageTiles::Decoded& ImageTiles::decoded() const {
  std::call_once(once_, [this] { decoded_ = decode(); });
  return *decoded_;
}

// An object has the type of most of its pixels; of two equally common ones the lower. Objects of unlisted types are left out.
std::map<std::int32_t, std::int32_t> ImageTiles::label_of_objects(const at::Tensor& objects) const {
  std::map<std::int32_t, std::int32_t> labels;
  const auto* numbers = objects.data_ptr<std::int32_t>();
  if (table_.empty()) {
    for (std::int64_t i = 0; i < objects.numel(); ++i) labels.emplace(numbers[i], 1);
    return labels;
  }
  const auto types = read_label_raster(options_.types);
  check_same_size(objects, types, options_.types, options_.image);
  std::map<std::int32_t, std::map<std::int32_t, std::int64_t>> counts;
  const auto* values = types.data_ptr<std::int32_t>();
  for (std::int64_t i = 0; i < objects.numel(); ++i) ++counts[numbers[i]][values[i]];
  for (const auto& [object, of_type] : counts) {
    const auto most =
        std::max_element(of_type.begin(), of_type.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    for (std::size_t t = 0; t < table_.size(); ++t) {
      const auto& entry = table_[t];
      const bool listed = std::find(entry.values.begin(), entry.values.end(), most->first) != entry.values.end();
      if (listed || (entry.nonzero && most->first != 0)) labels.emplace(object, static_cast<std::int32_t>(t + 1));
    }
  }
  return labels;
}

std::unique_ptr<ImageTiles::Decoded> ImageTiles::decode() const {
  const auto raw = read_raster(options_.image);
  auto out = std::make_unique<Decoded>();
  out->objects = read_label_raster(options_.instances);
  check_same_size(raw, out->objects, options_.instances, options_.image);
  out->image = windowed_image(raw, options_.shown, options_.image);
  const auto labels = label_of_objects(out->objects);
  out->labels = torch::zeros_like(out->objects);
  const auto outside = options_.background.empty() ? 0 : static_cast<std::int32_t>(names_.size());
  const auto* numbers = out->objects.data_ptr<std::int32_t>();
  auto* to = out->labels.data_ptr<std::int32_t>();
  for (std::int64_t i = 0; i < out->objects.numel(); ++i) {
    const auto found = numbers[i] == 0 ? labels.end() : labels.find(numbers[i]);
    to[i] = numbers[i] == 0 ? outside : found == labels.end() ? 0 : found->second;
  }
  const auto rows = raw.size(0), columns = raw.size(1);
  const auto height = options_.tile == 0 ? rows : std::min(options_.tile, rows);
  const auto width = options_.tile == 0 ? columns : std::min(options_.tile, columns);
  const auto stride = options_.tile == 0 ? std::max(rows, columns) : options_.stride;
  for (const auto top : tile_starts(rows, height, stride)) {
    for (const auto left : tile_starts(columns, width, stride)) out->tiles.push_back({top, left, height, width});
  }
  return out;
}

std::int64_t ImageTiles::size() const { return static_cast<std::int64_t>(decoded().tiles.size()); }

Item ImageTiles::item(std::int64_t index) const {
  const auto& tile = decoded().tiles.at(static_cast<std::size_t>(index));
  Item item;
  item.id = fmt::format("{}/columns/y{:05}x{:05}", options_.subject, tile.top, tile.left);
  item.subject = options_.subject;
  item.begin = static_cast<double>(tile.left);
  item.end = static_cast<double>(tile.left + tile.width);
  return item;
}

LabelledImage ImageTiles::load(std::int64_t index) const {
  const auto& data = decoded();
  const auto& tile = data.tiles.at(static_cast<std::size_t>(index));
  const auto cut = [&tile](const at::Tensor& whole) {
    return whole.narrow(0, tile.top, tile.height).narrow(1, tile.left, tile.width).contiguous();
  };
  LabelledImage out;
  out.image = cut(data.image);
  if (options_.pixel_um > 0) out.spacing_mm = {options_.pixel_um / 1000.0, options_.pixel_um / 1000.0};
  const auto labels = cut(data.labels), objects = cut(data.objects);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto label = static_cast<std::int64_t>(i + 1);
    if (!labels.eq(label).any().item<bool>()) continue;
    auto masks = masks_of(label, labels, objects);
    if (masks.size(0) > 0) {
      out.labels.push_back({names_[i], std::move(masks)});
    } else {
      out.unsure.push_back(names_[i]);
    }
  }
  return out;
}

at::Tensor ImageTiles::masks_of(std::int64_t label, const at::Tensor& labels, const at::Tensor& objects) const {
  const auto mask = labels == label;
  std::vector<at::Tensor> masks;
  const auto keep = [&](at::Tensor candidate) {
    if (candidate.sum().item<std::int64_t>() >= options_.min_pixels) masks.push_back(std::move(candidate));
  };
  if (options_.targets == "class") {
    keep(mask);
  } else {
    std::set<std::int32_t> numbers;
    const auto inside = objects.masked_select(mask);
    for (std::int64_t i = 0; i < inside.numel(); ++i) numbers.insert(inside.data_ptr<std::int32_t>()[i]);
    for (const auto number : numbers) keep((objects == number).logical_and(mask));
  }
  return masks.empty() ? torch::zeros({0, labels.size(0), labels.size(1)}, torch::kBool) : torch::stack(masks);
}

}  // namespace sam3lab::datasets::instance_image
