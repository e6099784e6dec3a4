#include "plugins/datasets/label_volume/volume_slices.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include <opencv2/imgproc.hpp>
#include <torch/torch.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

namespace sam3lab {
namespace {

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream out;
  for (std::int64_t i = 0; i < tensor.dim(); ++i) out << (i > 0 ? " x " : "") << tensor.size(i);
  return out.str();
}

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

void check_same_grid(const Volume& image, const Volume& labels, const LabelVolumeOptions& options) {
  if (image.voxels.sizes() != labels.voxels.sizes()) {
    throw DataError(Fault{options.labels, "label volume of another size than its image", shape_text(labels.voxels),
                          shape_text(image.voxels) + " as " + options.image, "use the labels that belong to this image"});
  }
  const double distance = corner_distance(image, labels);
  const double allowed = 0.5 * *std::min_element(image.spacing_mm.begin(), image.spacing_mm.end());
  if (!(distance <= allowed)) {
    std::ostringstream got, expected;
    got << distance << " mm apart";
    expected << "at most " << allowed << " mm, half a voxel of " << options.image;
    throw DataError(Fault{options.labels, "label volume at another place than its image", got.str(), expected.str(),
                          "resample the labels to the image's grid, or repair the header"});
  }
}

at::Tensor whole_numbers(const at::Tensor& labels, const std::string& file) {
  if (!labels.eq(labels.round()).all().item<bool>() || labels.lt(0).any().item<bool>() || labels.gt(65535).any().item<bool>()) {
    throw DataError(Fault{file, "voxels that are no label values", "a fraction, a negative number, NaN or a number above 65535",
                          "whole numbers of 0 to 65535", "is this the label volume, and not the image?"});
  }
  return labels.to(torch::kInt32);
}

std::pair<double, double> limits_of(const at::Tensor& voxels, const LabelVolumeOptions& options) {
  if (options.window == "ct_soft") return {-160.0, 240.0};
  if (options.window == "ct_lung") return {-1350.0, 150.0};
  if (options.window == "ct_bone") return {-500.0, 1300.0};
  if (options.window == "range") return {options.range[0], options.range[1]};
  const auto limits = percentiles(voxels, options.low_percentile, options.high_percentile);
  if (limits.first < limits.second) return limits;
  throw DataError(Fault{options.image, "a volume without contrast", "one intensity between the percentiles of the window",
                        "intensities that differ", "set window = \"range\""});
}

std::string stem_of(const std::string& file) {
  const auto name = std::filesystem::path(file).filename().string();
  return name.substr(0, name.find(".nii"));
}

at::Tensor parts_of(const at::Tensor& mask, std::int64_t min_pixels) {
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

// A slice as it is looked at: anterior or superior is up; the patient's right is on the left, in sagittal slices anterior.
at::Tensor upright(const at::Tensor& volume, std::int64_t axis, std::int64_t index) {
  return volume.select(axis, index).transpose(0, 1).flip({0, 1}).contiguous();
}

}  // namespace

struct VolumeSlices::Decoded {
  at::Tensor image;   // [X, Y, Z] uint8, to the patient's right, anterior, superior
  at::Tensor stored;  // [X, Y, Z] int32
  std::array<double, 3> spacing_mm;
  std::vector<std::int64_t> slices;
};

VolumeSlices::VolumeSlices(LabelVolumeOptions options)
    : options_(std::move(options)),
      table_(read_label_table(options_.table)),
      axis_(options_.axis == "sagittal"  ? 0
            : options_.axis == "coronal" ? 1
                                         : 2) {
  if (options_.window == "range" && !(options_.range[0] < options_.range[1])) {
    throw UsageError(
        Fault{"dataset/label_volume", "range is empty", "a first number that is not below the second", "[low, high]", ""});
  }
  if (!(options_.low_percentile < options_.high_percentile)) {
    throw UsageError(Fault{"dataset/label_volume", "low_percentile is not below high_percentile", "", "", ""});
  }
  if (options_.subject.empty()) options_.subject = stem_of(options_.image);
}

VolumeSlices::~VolumeSlices() = default;

const VolumeSlices::Decoded& VolumeSlices::decoded() const {
  std::call_once(once_, [this] { decoded_ = decode(); });
  return *decoded_;
}

std::unique_ptr<VolumeSlices::Decoded> VolumeSlices::decode() const {
  const auto raw_image = read_volume(options_.image), raw_labels = read_volume(options_.labels);
  check_same_grid(raw_image, raw_labels, options_);
  const auto image = to_ras(raw_image);
  // Both grids are one, so both turn the same way: that of the image, whose header may differ in the last digit.
  auto turned = raw_image;
  turned.voxels = raw_labels.voxels;
  auto out = std::make_unique<Decoded>();
  const auto [low, high] = limits_of(image.voxels, options_);
  out->image = window(image.voxels, low, high);
  out->stored = whole_numbers(to_ras(turned).voxels, options_.labels);
  out->spacing_mm = image.spacing_mm;

  auto labelled = torch::zeros({out->stored.size(axis_)}, torch::kBool);
  const std::vector<std::int64_t> others = {(axis_ + 1) % 3, (axis_ + 2) % 3};
  for (const auto& entry : table_) labelled |= entry.mask(out->stored).to(torch::kUInt8).amax(others).to(torch::kBool);
  for (std::int64_t i = 0; i < out->stored.size(axis_); i += options_.every) {
    if (options_.keep_empty || labelled[i].item<bool>()) out->slices.push_back(i);
  }
  return out;
}

std::int64_t VolumeSlices::size() const { return static_cast<std::int64_t>(decoded().slices.size()); }

Item VolumeSlices::item(std::int64_t index) const {
  const auto slice = decoded().slices.at(static_cast<std::size_t>(index));
  auto number = std::to_string(slice);
  number.insert(0, number.size() < 3 ? 3 - number.size() : 0, '0');
  return {options_.subject + "/" + options_.axis + "/" + number, options_.subject, static_cast<double>(slice),
          static_cast<double>(slice + 1)};
}

LabelledImage VolumeSlices::load(std::int64_t index) const {
  const auto& data = decoded();
  const auto slice = data.slices.at(static_cast<std::size_t>(index));
  LabelledImage out;
  out.image = upright(data.image, axis_, slice).unsqueeze(2).repeat({1, 1, 3});
  const auto row_axis = axis_ == 2 ? 1U : 2U, column_axis = axis_ == 0 ? 1U : 0U;
  out.spacing_mm = {data.spacing_mm[row_axis], data.spacing_mm[column_axis]};
  const auto stored = upright(data.stored, axis_, slice);
  for (const auto& entry : table_) add_label(entry, stored, out);
  return out;
}

void VolumeSlices::add_label(const LabelEntry& entry, const at::Tensor& stored, LabelledImage& out) const {
  const auto mask = entry.mask(stored);
  const auto pixels = mask.sum().item<std::int64_t>();
  if (pixels == 0) return;
  auto masks = options_.targets == "instances" ? parts_of(mask, options_.min_pixels) : mask.unsqueeze(0);
  if (pixels < options_.min_pixels || masks.size(0) == 0) {
    out.unsure.push_back(entry.label);
  } else {
    out.labels.push_back({entry.label, std::move(masks)});
  }
}

std::vector<std::string> VolumeSlices::labels() const {
  std::vector<std::string> names;
  for (const auto& entry : table_) names.push_back(entry.label);
  return names;
}

}  // namespace sam3lab
