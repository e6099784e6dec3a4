// Values of metrics in words.
#pragma once
#include <optional>
#include <string>

#include <sam3lab/api/metric_info.h>

namespace sam3lab {

// "0.7312", "4.2130 mm"; "undefined" where it is unset.
std::string value_text(const MetricInfo& info, std::optional<double> value, int decimals = 4);
// "higher is better" or "lower is better".
std::string direction_text(const MetricInfo& info);
// "0 to 1", "0 to infinity".
std::string range_text(const MetricInfo& info);

}  // namespace sam3lab
