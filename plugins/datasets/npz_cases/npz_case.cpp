#include "plugins/datasets/npz_cases/npz_case.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/types.h>

#include <sam3lab/api/arrays.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

namespace sam3lab::datasets::npz_cases {
namespace {

std::string shape_text(const at::Tensor& tensor) { return fmt::format("{}", fmt::join(tensor.sizes(), " x ")); }

at::Tensor label_values(const at::Tensor& raw, const std::string& file, const NpzLayout& layout) {
  const bool whole = !raw.is_floating_point() || raw.eq(raw.round()).all().item<bool>();
  if (raw.numel() == 0 || !whole || !(raw.min().item<double>() >= 0.0 && raw.max().item<double>() <= 65535.0)) {
    throw DataError(
        Fault{file + ": " + layout.masks, "values that are no label values", "", "whole numbers of 0 to 65535", ""});
  }
  return raw.to(raw.max().item<double>() <= 255.0 ? torch::kUInt8 : torch::kInt32);
}

at::Tensor grey_bytes(const at::Tensor& raw, const std::string& file, const NpzLayout& layout) {
  if (layout.window == "range") return window(raw, layout.range.first, layout.range.second);
  if (layout.window == "percentiles") {
    const auto [low, high] = percentiles(raw, 0.5, 99.5);
    if (low < high) return window(raw, low, high);
    throw DataError(Fault{file + ": " + layout.image, "an image without contrast", "one intensity between the percentiles",
                          "intensities that differ", "set window = \"none\" or \"range\""});
  }
  if (raw.scalar_type() == torch::kUInt8) return raw;
  const double least = raw.min().item<double>(), largest = raw.max().item<double>();
  if (!(least >= 0.0 && largest <= 255.0)) {
    throw DataError(Fault{file + ": " + layout.image, "grey values that need a window",
                          fmt::format("{:.6g} to {:.6g}", least, largest), "0 to 255, as the challenge has them",
                          "set window = \"percentiles\" or \"range\""});
  }
  return raw.round().to(torch::kUInt8);
}

// x, y, z as SimpleITK gives them; arrays are z, y, x. A file without it, or with another number of values, says nothing.
std::optional<std::array<double, 2>> spacing_of(const std::string& file, const NpzLayout& layout) {
  const auto arrays = list_arrays(file);
  const auto found =
      std::find_if(arrays.begin(), arrays.end(), [&](const auto& array) { return array.name == layout.spacing; });
  if (found == arrays.end() || (found->shape != std::vector<std::int64_t>{2} && found->shape != std::vector<std::int64_t>{3}))
    return std::nullopt;
  const auto values = read_array(file, layout.spacing).to(torch::kFloat64);
  const double column = values[0].item<double>(), row = values[1].item<double>();
  const auto sound = [](double mm) { return mm > 0.0 && mm < 1e4; };
  if (sound(row) && sound(column)) return std::array{row, column};
  throw DataError(
      Fault{file + ": " + layout.spacing, "an impossible spacing", fmt::format("{} x {} mm", row, column), "more than 0", ""});
}

}  // namespace

NpzCase read_npz_labels(const std::string& file, const NpzLayout& layout) {
  NpzCase out;
  const auto raw = read_array(file, layout.masks);
  if (raw.dim() != 2 && raw.dim() != 3) {
    throw DataError(
        Fault{file + ": " + layout.masks, "an array that is no label map", shape_text(raw), "[H, W] or [D, H, W]", ""});
  }
  out.volume = raw.dim() == 3;
  out.stored = label_values(out.volume ? raw : raw.unsqueeze(0), file, layout).contiguous();
  return out;
}

NpzCase read_npz_case(const std::string& file, const NpzLayout& layout) {
  auto out = read_npz_labels(file, layout);
  auto raw = read_array(file, layout.image);
  const auto labels = out.volume ? out.stored : out.stored.squeeze(0);
  const bool colour = raw.dim() == labels.dim() + 1 && raw.size(-1) == 3;
  if (!colour && raw.dim() == labels.dim()) raw = raw.unsqueeze(-1);
  auto sizes = raw.sizes().vec();
  if (!sizes.empty()) sizes.pop_back();
  if (at::IntArrayRef(sizes) != labels.sizes()) {
    throw DataError(
        Fault{file, "labels of another size than the image", shape_text(labels), shape_text(raw) + " with channels", ""});
  }
  if (!out.volume) raw = raw.unsqueeze(0);
  out.image = grey_bytes(raw, file, layout).contiguous();
  out.spacing_mm = spacing_of(file, layout);
  return out;
}

}  // namespace sam3lab::datasets::npz_cases
