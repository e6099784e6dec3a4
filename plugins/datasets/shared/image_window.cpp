#include "plugins/datasets/shared/image_window.h"

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

namespace sam3lab::datasets {

void ImageWindow::check(const std::string& where) const {
  if (!(low_percentile < high_percentile))
    throw UsageError(Fault{where, "low_percentile is not below high_percentile", "", "", ""});
}

at::Tensor windowed_image(const at::Tensor& raster, const ImageWindow& wanted, const std::string& file) {
  const bool deep = raster.scalar_type() == torch::kInt32;
  auto shown = raster;
  if (wanted.mode == "percentiles" || (wanted.mode == "auto" && deep)) {
    const auto [low, high] = percentiles(raster, wanted.low_percentile, wanted.high_percentile);
    if (!(low < high)) {
      throw DataError(Fault{file, "an image without contrast", "one intensity between the percentiles of the window",
                            "intensities that differ", "set window = \"none\""});
    }
    shown = window(raster, low, high);
  } else if (deep) {
    shown = window(raster, 0.0, 65535.0);
  }
  if (wanted.invert) shown = 255 - shown;
  return shown.expand({shown.size(0), shown.size(1), 3}).contiguous();
}

}  // namespace sam3lab::datasets
