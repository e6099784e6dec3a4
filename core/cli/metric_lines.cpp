#include "core/cli/metric_lines.h"

#include <cmath>

#include <fmt/format.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/metric.h>

#include "core/record/metric_value.h"

namespace sam3lab {
namespace {

std::string undefined_text(const MetricInfo& info) {
  return info.undefined_counts ? "counts " + value_text(info, info.undefined_counts) : "is left out";
}

// JSON has no infinity.
nlohmann::ordered_json bound_json(double bound) {
  return std::isfinite(bound) ? nlohmann::ordered_json(bound) : nlohmann::ordered_json(nullptr);
}

}  // namespace

std::optional<MetricInfo> info_of_plugin(const Registry& registry, const std::string& metric) {
  try {
    return registry.make<Metric>({"metric", metric, metric, {}, "metric/" + metric})->info();
  } catch (const UsageError&) {
    return std::nullopt;
  }
}

std::string metric_line(const MetricInfo& info) {
  return fmt::format("{}{}, {}, per {}", info.unit.empty() ? "" : info.unit + ", ", direction_text(info), range_text(info),
                     to_text(info.scope));
}

std::string metric_lines(const MetricInfo& info) {
  const auto text = [](const std::string& value) { return value.empty() ? "not stated" : value; };
  return fmt::format(
      "\nmetric\n  definition   {}\n  unit         {}\n  direction    {}\n  range        {}\n  scope        one value per {}\n"
      "  empty masks  {}\n  aggregate    {}; an undefined value {}\n",
      text(info.definition), info.unit.empty() ? "none" : info.unit, direction_text(info), range_text(info),
      to_text(info.scope), text(info.empty_rule), to_text(info.aggregate), undefined_text(info));
}

nlohmann::ordered_json metric_json(const MetricInfo& info) {
  return {{"definition", info.definition},
          {"unit", info.unit},
          {"higher_is_better", info.higher_is_better},
          {"lowest", bound_json(info.lowest)},
          {"highest", bound_json(info.highest)},
          {"scope", to_text(info.scope)},
          {"empty_rule", info.empty_rule},
          {"aggregate", to_text(info.aggregate)},
          {"undefined_counts",
           info.undefined_counts ? nlohmann::ordered_json(*info.undefined_counts) : nlohmann::ordered_json(nullptr)}};
}

}  // namespace sam3lab
