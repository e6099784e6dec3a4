// A metric that gives back what it was told of the size of a pixel: a surface distance in mm stands or falls with it.
#include <limits>

#include <sam3lab/plugin.h>

namespace {

class PixelSize final : public sam3lab::Metric {
 public:
  [[nodiscard]] std::optional<double> score(const sam3lab::MetricInput& input) const override {
    if (!input.spacing_mm) return std::nullopt;
    const auto [row, column] = *input.spacing_mm;
    return 1000.0 * row + column;
  }
  [[nodiscard]] sam3lab::MetricInfo info() const override {
    sam3lab::MetricInfo info;
    info.unit = "mm";
    info.highest = std::numeric_limits<double>::infinity();
    info.definition = "1000 x mm from row to row + mm from column to column";
    return info;
  }
};

}  // namespace

SAM3LAB_PLUGIN(pixel_size) { reg.add<sam3lab::Metric, PixelSize>("pixel_size", "what it was told of the size of a pixel"); }
