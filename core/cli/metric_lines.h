// What `list` and `explain` print about a metric.
#pragma once
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <sam3lab/api/metric_info.h>

#include "core/registry/registry.h"

namespace sam3lab {

// Of the plugin with its default options; unset where it cannot be made from these.
std::optional<MetricInfo> info_of_plugin(const Registry& registry, const std::string& metric);

// "mm, lower is better, 0 to infinity, per slice"
std::string metric_line(const MetricInfo& info);
// The lines of `explain`, each with a newline.
std::string metric_lines(const MetricInfo& info);
nlohmann::ordered_json metric_json(const MetricInfo& info);

}  // namespace sam3lab
