// How tables show a metric: its column head, its values, and how values of several samples become one.
#pragma once
#include <string>
#include <vector>

#include "core/record/summary.h"

namespace sam3lab {

// "Dice after"; "boundary distance after [mm] ↓" with a unit where lower is better.
[[nodiscard]] std::string metric_heading(const ShownMetric& metric, const std::string& what);
// Three digits behind the point for values within -1..1, two for others.
[[nodiscard]] int metric_digits(const MetricInfo& info);
// "-" for nothing.
[[nodiscard]] std::string metric_number(const Statistic& value, const MetricInfo& info);
// "Dice: macro mean over prompts"; "area: mean over prompts of the median over samples, an undefined value counts 0".
[[nodiscard]] std::string metric_mean_text(const ShownMetric& metric);
// A line that explains the arrow, if one of the metrics has it; ends with a line end.
[[nodiscard]] std::string arrow_line(const std::vector<ShownMetric>& metrics);

}  // namespace sam3lab
