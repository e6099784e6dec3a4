// Claims a name that good.cpp has already.
#include <sam3lab/plugin.h>

namespace {
class Score final : public sam3lab::Metric {
 public:
  double score(const sam3lab::MetricInput&) const override { return 0.0; }
  std::string definition() const override { return "zero"; }
};
}  // namespace

SAM3LAB_PLUGIN(duplicate) { reg.add<sam3lab::Metric, Score>("test_score"); }
