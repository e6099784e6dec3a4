// Pictures of any depth as they are shown to a model.
#pragma once
#include <string>

#include <ATen/core/Tensor.h>

namespace sam3lab {

struct PictureWindow {
  std::string mode = "auto";  // "none": as they are, of 16 bits the whole range; "percentiles"; "auto": by depth
  double low_percentile = 0.5, high_percentile = 99.5;
  bool invert = false;
};

// [H, W, 1 or 3] as read_raster gives it, uint8 or int32 in 0..65535 -> [H, W, 3] uint8. Throws DataError with `file` for a
// picture of which nothing is left between the percentiles.
at::Tensor windowed_picture(const at::Tensor& raster, const PictureWindow& wanted, const std::string& file);

}  // namespace sam3lab
