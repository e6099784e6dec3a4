#include "core/cli/metric_option.h"

#include <sam3lab/api/error.h>

#include "core/base/text.h"

namespace sam3lab {

void check_metric(const std::string& metric, const std::set<std::string>& names) {
  if (names.contains(metric)) return;
  throw UsageError(Fault{"--metric", "no such metric is scored", metric,
                         names.empty() ? "none is" : join({names.begin(), names.end()}),
                         "metrics are named by their tables [metric.NAME]"});
}

std::string chosen_metric(const boost::program_options::variables_map& values, const std::set<std::string>& names) {
  const auto metric = values["metric"].as<std::string>();
  if (!values["metric"].defaulted()) check_metric(metric, names);
  return metric;
}

}  // namespace sam3lab
