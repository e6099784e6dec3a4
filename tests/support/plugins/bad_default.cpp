// An option whose default breaks its own limits.
#include <sam3lab/plugin.h>

namespace {
struct Options {
  double rate = -1.0;
  template <class V>
  void visit(V&& v) {
    v("rate", rate, sam3lab::at_least(0));
  }
};
class Score final : public sam3lab::Metric {
 public:
  explicit Score(const Options&) {}
  std::optional<double> score(const sam3lab::MetricInput&) const override { return 0.0; }
  sam3lab::MetricInfo info() const override { return {}; }
};
}  // namespace

SAM3LAB_PLUGIN(bad_default) { reg.add<sam3lab::Metric, Score, Options>("bad_default"); }
