// A metric with a unit, lower is better: how far the centres of mass of two masks are apart, in mm.
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <sam3lab/plugin.h>

namespace {

struct Options {
  double missed_mm = 0.0;
  template <class V>
  void visit(V&& v) {
    v("missed_mm", missed_mm, sam3lab::at_least(0).unit("mm").about("what a missed object counts; 0: it is left out"));
  }
};

class CentroidDistance final : public sam3lab::Metric {
 public:
  explicit CentroidDistance(const Options& options) : options_(options) {}

  std::optional<double> score(const sam3lab::MetricInput& input) const override {
    const bool predicted = input.prediction.any().item<bool>(), present = input.truth.any().item<bool>();
    if (!predicted && !present) return 0.0;
    if (!input.spacing_mm || !predicted || !present) return std::nullopt;
    double square = 0.0;
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const double apart = centre(input.prediction, axis) - centre(input.truth, axis);
      square += std::pow(apart * (*input.spacing_mm)[axis], 2);
    }
    return std::sqrt(square);
  }

  sam3lab::MetricInfo info() const override {
    sam3lab::MetricInfo info;
    info.unit = "mm";
    info.higher_is_better = false;
    info.highest = std::numeric_limits<double>::infinity();
    info.empty_rule = "both masks empty: 0; exactly one empty: undefined";
    if (options_.missed_mm > 0) info.undefined_counts = options_.missed_mm;
    info.definition = "Euclidean distance of the centres of mass of the two masks";
    return info;
  }

 private:
  // In pixels, along rows (0) or columns (1).
  static double centre(const at::Tensor& mask, std::size_t axis) {
    return mask.nonzero().select(1, static_cast<std::int64_t>(axis)).to(at::kDouble).mean().item<double>();
  }

  Options options_;
};

}  // namespace

SAM3LAB_PLUGIN(centroid_distance) {
  reg.add<sam3lab::Metric, CentroidDistance, Options>("centroid_distance", "distance of the centres of two masks");
}
