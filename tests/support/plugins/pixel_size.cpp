// A metric that gives back what it was told of the size of a pixel: a surface distance in mm stands or falls with it.
#include <sam3lab/plugin.h>

namespace {

class PixelSize final : public sam3lab::Metric {
 public:
  [[nodiscard]] double score(const sam3lab::MetricInput& input) const override {
    return 1000.0 * input.spacing_mm[0] + input.spacing_mm[1];
  }
  [[nodiscard]] std::string definition() const override { return "1000 x mm from row to row + mm from column to column"; }
};

}  // namespace

SAM3LAB_PLUGIN(pixel_size) { reg.add<sam3lab::Metric, PixelSize>("pixel_size", "what it was told of the size of a pixel"); }
