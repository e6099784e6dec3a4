#include "plugins/datasets/shared/cases/labelled_volume.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/arrays.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/slices.h>

#include "plugins/datasets/shared/masks/label_masks.h"

namespace sam3lab::datasets {
namespace {

std::string shape_text(const at::Tensor& tensor) {
  std::string text;
  for (const auto length : tensor.sizes()) text += (text.empty() ? "" : " x ") + std::to_string(length);
  return text;
}

// A volume file and what the grid is compared by; the voxels may be of any type.
struct Placed {
  std::string file;
  Volume volume;
};

// Largest distance between where two volumes of one size place a corner of the grid.
double corner_distance(const Volume& a, const Volume& b) {
  double largest = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double square = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      double difference = a.affine[row][3] - b.affine[row][3];
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const auto last = static_cast<double>(a.voxels.size(static_cast<std::int64_t>(axis)) - 1);
        if ((corner >> axis & 1) != 0) difference += (a.affine[row][axis] - b.affine[row][axis]) * last;
      }
      square += difference * difference;
    }
    largest = std::max(largest, std::sqrt(square));
  }
  return largest;
}

void check_same_grid(const Placed& reference, const Placed& labels) {
  const auto& [image_file, image] = reference;
  if (image.voxels.sizes() != labels.volume.voxels.sizes()) {
    throw DataError(Fault{labels.file, "label volume of another size than its image", shape_text(labels.volume.voxels),
                          shape_text(image.voxels) + " as " + image_file, "use the labels that belong to this image"});
  }
  const double distance = corner_distance(image, labels.volume);
  const double allowed = 0.5 * *std::min_element(image.spacing_mm.begin(), image.spacing_mm.end());
  if (!(distance <= allowed)) {
    throw DataError(Fault{labels.file, "label volume at another place than its image", fmt::format("{:.6g} mm apart", distance),
                          fmt::format("at most {:.6g} mm, half a voxel of {}", allowed, image_file),
                          "resample the labels to the image's grid, or repair the header"});
  }
}

// float32 -> uint8 or int32, slab by slab: a label volume is often as large as memory allows.
at::Tensor whole_numbers(const at::Tensor& labels, const LabelSource& source) {
  const double most = source.objects ? 16777216.0 : 65535.0;  // the former is how far float32 counts
  const auto refuse = [&] {
    throw DataError(Fault{source.file, "voxels that are no label values",
                          fmt::format("a fraction, a negative number, NaN or a number above {}", most),
                          fmt::format("whole numbers of 0 to {}", most), "is this the label volume, and not the image?"});
  };
  if (labels.numel() == 0) refuse();
  const double least = labels.min().item<double>(), largest = labels.max().item<double>();  // NaN passes through both
  if (!(least >= 0.0 && largest <= most)) refuse();
  auto out = torch::empty_like(labels, labels.options().dtype(largest <= 255.0 ? torch::kUInt8 : torch::kInt32));
  for (std::int64_t k = 0; k < labels.size(2); ++k) {
    const auto slab = labels.select(2, k);
    if (!slab.eq(slab.round()).all().item<bool>()) refuse();
    out.select(2, k).copy_(slab);
  }
  return out;
}

bool overlap(const at::Tensor& layer, const at::Tensor& mask) {
  for (std::int64_t k = 0; k < layer.size(2); ++k) {
    if (layer.select(2, k).ne(0).logical_and(mask.select(2, k)).any().item<bool>()) return true;
  }
  return false;
}

// A mask joins the first layer where it covers nothing, as a value of its own.
class Layers {
 public:
  void add(const at::Tensor& stored, const LabelSource& source) {
    const auto& table = source.table;
    if (table.size() == 1 && source.ignore.empty() && !source.objects)
      return add_mask(table.front().mask(stored.to(torch::kInt32)), table.front().label);
    if (!source.ignore.empty()) out_.ignored.push_back({LabelEntry{"", false, source.ignore}, out_.layers.size()});
    for (const auto& entry : table) out_.labels.push_back({entry, out_.layers.size(), source.objects});
    out_.layers.push_back(stored);
    next_.push_back(full);
  }
  void add_nothing(at::IntArrayRef sizes) { out_.layers.push_back(torch::zeros(sizes, torch::kUInt8)); }
  LabelLayers take() { return std::move(out_); }

 private:
  static constexpr std::int64_t full = 256;

  void add_mask(const at::Tensor& mask, const std::string& label) {
    std::size_t at = 0;
    while (at < next_.size() && (next_[at] == full || overlap(out_.layers[at], mask))) ++at;
    if (at == next_.size()) {
      out_.layers.push_back(torch::zeros(mask.sizes(), torch::kUInt8));
      next_.push_back(1);
    }
    out_.layers[at].masked_fill_(mask, next_[at]);
    out_.labels.push_back({LabelEntry{label, false, {next_[at]}}, at});
    ++next_[at];
  }

  LabelLayers out_;
  std::vector<std::int64_t> next_;  // value that a mask would get in each layer
};

// All sources on the grid of `reference`, turned as it is turned; without one the first source is the reference.
LabelLayers layers_on(const Placed* reference, const std::vector<LabelSource>& sources) {
  Placed first;
  Layers layers;
  for (const auto& source : sources) {
    Placed labels{source.file, read_stack({source.file, {}, source.variable})};
    if (reference != nullptr) check_same_grid(*reference, labels);
    auto turned = reference != nullptr ? reference->volume : labels.volume;
    turned.voxels = whole_numbers(labels.volume.voxels, source);
    if (reference == nullptr) {
      first = Placed{source.file, turned};
      reference = &first;
    }
    layers.add(to_ras(turned).voxels, source);
  }
  if (sources.empty()) layers.add_nothing(to_ras(reference->volume).voxels.sizes());
  return layers.take();
}

std::pair<double, double> limits_of(const Volume& volume, const std::string& file, const SliceOptions& options) {
  if (options.window == "range") return {options.range[0], options.range[1]};
  if (options.window != "percentiles") return window_limits(options.window, volume, file);
  const auto limits = percentiles(volume.voxels, options.low_percentile, options.high_percentile);
  if (limits.first < limits.second) return limits;
  throw DataError(Fault{file, "a volume without contrast", "one intensity between the percentiles of the window",
                        "intensities that differ", "set window = \"range\""});
}

// What counts as labelled in each layer.
std::vector<LabelEntry> labelled_values(const LabelLayers& labels) {
  std::vector<LabelEntry> any(labels.layers.size());
  for (const auto& [entry, layer, objects] : labels.labels) {
    any[layer].nonzero = any[layer].nonzero || entry.nonzero;
    any[layer].values.insert(any[layer].values.end(), entry.values.begin(), entry.values.end());
  }
  return any;
}

bool holds_label(const LabelLayers& labels, const std::vector<LabelEntry>& any, std::int64_t axis, std::int64_t slice) {
  for (std::size_t layer = 0; layer < any.size(); ++layer) {
    if (any[layer].mask(labels.layers[layer].select(axis, slice).to(torch::kInt32)).any().item<bool>()) return true;
  }
  return false;
}

template <class Labelled>
std::vector<std::int64_t> every_slice(std::int64_t count, const SliceOptions& options, Labelled labelled) {
  std::vector<std::int64_t> slices;
  for (std::int64_t i = 0; i < count; i += options.every) {
    if (options.keep_empty || labelled(i)) slices.push_back(i);
  }
  return slices;
}

}  // namespace

void SliceOptions::check(const std::string& where) const {
  if (window == "range" && !(range[0] < range[1])) {
    throw UsageError(Fault{where, "range is empty", "a first number that is not below the second", "[low, high]", ""});
  }
  if (!(low_percentile < high_percentile)) {
    throw UsageError(Fault{where, "low_percentile is not below high_percentile", "", "", ""});
  }
}

Volume read_stack(const VolumeSource& source) {
  if (source.variable.empty()) return read_volume(source.file, source.part);
  const auto stored = read_array(source.file, source.variable);
  if (stored.dim() != 3 || stored.numel() == 0 || stored.numel() > max_voxels)
    throw DataError(Fault{source.file + ": " + source.variable, "an array that is no volume", shape_text(stored),
                          "slices x rows x columns", ""});
  Volume volume;
  volume.voxels = stored.to(torch::kFloat32).permute({2, 1, 0});
  volume.affine = {
      {{-1, 0, 0, 0}, {0, -1, 0, 0}, {0, 0, 1, 0}}};  // as cut_slice shows it, rows go down and columns to the right
  return volume;
}

LabelLayers read_label_layers(const VolumeSource& image, const std::vector<LabelSource>& sources) {
  if (!sources.empty()) return layers_on(nullptr, sources);
  const Placed alone{image.file, read_stack(image)};
  return layers_on(&alone, {});
}

LabelledVolume read_labelled_volume(const VolumeSource& image, const std::vector<LabelSource>& sources,
                                    const SliceOptions& options) {
  Placed raw{image.file, read_stack(image)};
  LabelledVolume out;
  {
    const auto turned = to_ras(raw.volume);
    const auto [low, high] = limits_of(turned, image.file, options);
    out.image = window(turned.voxels, low, high);
    if (image.variable.empty()) out.spacing_mm = turned.spacing_mm;  // a file of arrays says nothing of its grid
  }
  raw.volume.voxels =
      raw.volume.voxels.narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 1).clone().expand(raw.volume.voxels.sizes());
  out.labels = layers_on(&raw, sources);
  return out;
}

SliceIndex index_slices(const LabelLayers& labels, std::int64_t axis) {
  SliceIndex index;
  const auto any = labelled_values(labels);
  for (std::int64_t i = 0; i < labels.layers.front().size(axis); ++i)
    index.push_back(holds_label(labels, any, axis, i) ? 1 : 0);
  return index;
}

std::vector<std::int64_t> chosen_slices(const LabelLayers& labels, const SliceOptions& options) {
  const auto axis = options.axis_number();
  const auto any = labelled_values(labels);
  return every_slice(labels.layers.front().size(axis), options,
                     [&](std::int64_t slice) { return holds_label(labels, any, axis, slice); });
}

std::vector<std::int64_t> chosen_slices(const SliceIndex& index, const SliceOptions& options) {
  return every_slice(static_cast<std::int64_t>(index.size()), options,
                     [&](std::int64_t slice) { return index[static_cast<std::size_t>(slice)] != 0; });
}

LabelledImage cut_slice(const LabelledVolume& volume, std::int64_t slice, const SliceOptions& options) {
  const auto axis = options.axis_number();
  LabelledImage out;
  out.image = upright_slice(volume.image, axis, slice).unsqueeze(2).repeat({1, 1, 3});
  const auto row_axis = axis == 2 ? 1U : 2U, column_axis = axis == 0 ? 1U : 0U;
  if (const auto& spacing = volume.spacing_mm) out.spacing_mm = {(*spacing)[row_axis], (*spacing)[column_axis]};
  std::vector<at::Tensor> layers;
  for (const auto& layer : volume.labels.layers) layers.push_back(upright_slice(layer, axis, slice).to(torch::kInt32));
  for (const auto& [entry, layer, objects] : volume.labels.ignored) {
    const at::Tensor unknown = entry.mask(layers[layer]);
    if (unknown.any().item<bool>()) out.ignore = out.ignore.defined() ? out.ignore.logical_or(unknown) : unknown;
  }
  std::set<std::string> done;
  for (const auto& first : volume.labels.labels) {
    const auto& label = first.entry.label;
    if (!done.insert(label).second) continue;
    auto mask = torch::zeros({out.image.size(0), out.image.size(1)}, torch::kBool);
    std::vector<at::Tensor> objects;
    for (const auto& [entry, layer, numbered] : volume.labels.labels) {
      if (entry.label != label) continue;
      auto covered = entry.mask(layers[layer]);
      if (out.ignore.defined()) covered.logical_and_(out.ignore.logical_not());
      mask.logical_or_(covered);
      if (options.targets == "instances" && covered.any().item<bool>())
        objects.push_back(numbered ? numbered_objects(layers[layer], covered) : connected_parts(covered, 1));
    }
    add_masks(label, objects.empty() ? mask.unsqueeze(0) : torch::cat(objects), options.min_pixels, out);
  }
  return out;
}

std::vector<std::string> files_behind(const std::string& volume) {
  std::error_code error;
  const std::filesystem::path path(volume);
  const bool folder = std::filesystem::is_directory(path, error),
             header = volume.ends_with(".mhd") || volume.ends_with(".nhdr");
  if (!folder && !header) return {volume};
  std::vector<std::string> files;
  const auto begin = path.stem().string() + ".";
  for (const auto& entry : std::filesystem::directory_iterator(folder ? path : path.parent_path() / ".", error)) {
    const auto name = entry.path().filename().string();
    if (entry.is_regular_file(error) && (folder || name.starts_with(begin)))
      files.push_back((folder ? entry.path() : path.parent_path() / name).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string slice_number(std::int64_t slice) { return fmt::format("{:03}", slice); }

}  // namespace sam3lab::datasets
