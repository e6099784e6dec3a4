#include "core/report/metric_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/report/markdown.h"

namespace sam3lab {

std::string metric_heading(const ShownMetric& metric, const std::string& what) {
  std::string text = metric.title + " " + what;
  if (!metric.info.unit.empty()) text += " [" + metric.info.unit + "]";
  if (!metric.info.higher_is_better) text += " ↓";
  return printable(text);
}

int metric_digits(const MetricInfo& info) { return info.lowest >= -1.0 && info.highest <= 1.0 ? 3 : 2; }

std::string metric_number(const Statistic& value, const MetricInfo& info) {
  return value ? fmt::format("{:.{}f}", *value, metric_digits(info)) : "-";
}

std::string metric_mean_text(const ShownMetric& metric) {
  std::string text = metric.title + ": ";
  const bool mean = metric.info.aggregate == MetricInfo::Aggregate::mean;
  if (mean) {
    text += "macro mean over prompts";
  } else {
    text += "mean over prompts of the " + std::string(to_text(metric.info.aggregate)) + " over samples";
  }
  if (metric.info.undefined_counts) text += fmt::format(", an undefined value counts {:g}", *metric.info.undefined_counts);
  return printable(text);
}

std::string arrow_line(const std::vector<ShownMetric>& metrics) {
  const bool any = std::ranges::any_of(metrics, [](const ShownMetric& metric) { return !metric.info.higher_is_better; });
  return any ? "↓: lower is better.\n" : "";
}

}  // namespace sam3lab
