// Claims a name that good.cpp has already.
#include <sam3lab/plugin.h>

namespace {
class Score final : public sam3lab::Metric {
 public:
  std::optional<double> score(const sam3lab::MetricInput&) const override { return 0.0; }
  sam3lab::MetricInfo info() const override { return {}; }
};
}  // namespace

SAM3LAB_PLUGIN(duplicate) { reg.add<sam3lab::Metric, Score>("test_score"); }
