// Images of any depth as they are shown to a model.
#pragma once
#include <string>

#include <ATen/core/Tensor.h>

#include <sam3lab/api/options.h>

namespace sam3lab::datasets {

struct ImageWindow {
  std::string mode = "auto";  // "none": as they are, of 16 bits the whole range; "percentiles"; "auto": by depth
  double low_percentile = 0.5, high_percentile = 99.5;
  bool invert = false;  // an option of its own where a dataset has it

  template <class V>
  void visit(V&& v) {
    v("window", mode,
      one_of({"auto", "none", "percentiles"}).about("of intensities; auto: percentiles for 16-bit images only"));
    v("low_percentile", low_percentile, between(0, 100).unit("%").about("of the image's pixels, shown as black"));
    v("high_percentile", high_percentile, between(0, 100).unit("%").about("of the image's pixels, shown as white"));
  }
  // UsageError with `where` for percentiles that are not in order.
  void check(const std::string& where) const;
};

// [H, W, 1 or 3] as read_raster gives it, uint8 or int32 in 0..65535 -> [H, W, 3] uint8. Throws DataError with `file` for a
// image of which nothing is left between the percentiles.
at::Tensor windowed_image(const at::Tensor& raster, const ImageWindow& wanted, const std::string& file);

}  // namespace sam3lab::datasets
