#include "core/record/metric_value.h"

#include <cmath>

#include <fmt/format.h>

namespace sam3lab {
namespace {

std::string bound_text(double bound) {
  if (std::isinf(bound)) return bound < 0 ? "-infinity" : "infinity";
  return fmt::format("{:g}", bound);
}

}  // namespace

std::string value_text(const MetricInfo& info, std::optional<double> value, int decimals) {
  if (!value) return "undefined";
  return fmt::format("{:.{}f}{}{}", *value, decimals, info.unit.empty() ? "" : " ", info.unit);
}

std::string direction_text(const MetricInfo& info) { return info.higher_is_better ? "higher is better" : "lower is better"; }

std::string range_text(const MetricInfo& info) { return bound_text(info.lowest) + " to " + bound_text(info.highest); }

}  // namespace sam3lab
