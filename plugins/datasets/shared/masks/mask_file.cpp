#include "plugins/datasets/shared/masks/mask_file.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/shared/masks/outline.h"

namespace sam3lab::datasets {
namespace {

bool is_jpeg(const std::string& path) {
  char begin[2] = {};
  std::ifstream(path, std::ios::binary).read(begin, 2);
  return begin[0] == '\xff' && begin[1] == '\xd8';
}

// [H, W] float32 or int32: grey, of colours the mean.
at::Tensor grey_of(const at::Tensor& raster) {
  return raster.size(2) == 1 ? raster.select(2, 0) : raster.to(torch::kFloat32).mean(2);
}

// A JPEG's black is not quite 0; anything else that is not 0 was drawn.
constexpr double lossy_black = 32.0;

at::Tensor above(const at::Tensor& grey, double threshold, const std::string& path) {
  auto mask = grey > threshold;
  if (mask.any().item<bool>() || grey.numel() == 0) return mask;
  const auto largest = grey.max().item<double>();
  if (largest > (is_jpeg(path) ? lossy_black : 0.0)) {
    throw DataError(Fault{path, "a mask that is not black, with nothing above the threshold",
                          fmt::format("values up to {}", largest), fmt::format("values above {}", threshold),
                          "lower `threshold` (0 for masks of 0 and 1), or choose another encoding"});
  }
  return mask;
}

void read_binary(const MaskReader& reader, const MaskFile& file, FoundMasks& found) {
  const auto grey = grey_of(read_raster(file.path));
  masks::check_size(grey, found, file.path);
  const auto& options = reader.options;
  const bool outline = options.encoding == "outline";
  auto mask = options.other == "error" ? above(grey, options.threshold, file.path) : grey > options.threshold;
  if (options.invert) mask = mask.logical_not();
  if (outline) mask = fill_outlines(mask, file.path);
  for (const auto value : options.ignore) {
    const auto pixels = grey == value;
    found.ignore(pixels);
    if (!outline) mask = mask.logical_and(pixels.logical_not());
  }
  if (file.one_object) {
    found.add_object(file.label, mask);
  } else {
    found.add_area(file.label, mask);
  }
}

}  // namespace

namespace masks {

void check_size(const at::Tensor& mask, const FoundMasks& found, const std::string& path) {
  if (mask.size(0) == found.height() && mask.size(1) == found.width()) return;
  throw DataError(Fault{path, "mask of another size than its image", fmt::format("{} x {}", mask.size(0), mask.size(1)),
                        fmt::format("{} x {}", found.height(), found.width()), "use the mask that belongs to this image"});
}

}  // namespace masks

at::Tensor read_above(const std::string& path, double threshold, std::int64_t height, std::int64_t width) {
  const auto grey = grey_of(read_raster(path));
  masks::check_size(grey, FoundMasks(0, height, width, false, path), path);
  return above(grey, threshold, path);
}

void read_mask_file(const MaskReader& reader, const MaskFile& file, FoundMasks& found) {
  const auto& encoding = reader.options.encoding;
  if (encoding == "binary" || encoding == "outline") return read_binary(reader, file, found);
  if (reader.options.by_table()) return masks::read_values(reader, file, found);
  if (encoding == "instances") return masks::read_instances(reader, file, found);
  if (encoding != "mat") return masks::read_contours(reader, file, found);
  const bool values = !reader.table.empty() && reader.options.type_variable.empty();
  return values ? masks::read_values(reader, file, found) : masks::read_instances(reader, file, found);
}

}  // namespace sam3lab::datasets
