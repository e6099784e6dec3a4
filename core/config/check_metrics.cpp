#include "core/config/check_metrics.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/base/score_columns.h"

namespace sam3lab {
namespace {

std::vector<std::string> metric_names(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const auto& [name, choice] : experiment.metrics) names.push_back(name);
  return names;
}

// "area" where a metric "area_merged" would be the same column; empty: none.
std::string shadowed(const Experiment& experiment, const std::string& name) {
  for (const auto suffix : {layout::ungated_suffix, layout::merged_suffix}) {
    if (!name.ends_with(suffix)) continue;
    auto base = name.substr(0, name.size() - suffix.size());
    if (experiment.metrics.contains(base)) return base;
  }
  return "";
}

}  // namespace

std::vector<Fault> metric_faults(const Experiment& experiment, const std::string& where) {
  std::vector<Fault> faults;
  const auto names = metric_names(experiment);
  const auto check = [&](const std::string& option, const std::string& name) {
    if (name.empty() || experiment.metrics.contains(name)) return;
    faults.push_back(
        {where, option + " names no metric of the experiment", name, "one of: " + join(names), did_you_mean(name, names)});
  };
  check("train.best_metric", experiment.train.best_metric);
  check("evaluate.overlay_metric", experiment.evaluate.overlay_metric);
  for (const auto& [name, choice] : experiment.metrics) {
    if (std::ranges::find(layout::score_columns, name) != layout::score_columns.end()) {
      faults.push_back({choice.where, "a metric cannot have the name of another column of the scores", name, "another name",
                        "rename the table: [metric.my_" + name + "] with use = \"" + choice.use + "\""});
    }
    if (const auto base = shadowed(experiment, name); !base.empty()) {
      faults.push_back({choice.where, "a metric cannot have the name of a column of metric " + base, name, "another name",
                        "rename the table: [metric.my_" + name + "] with use = \"" + choice.use + "\""});
    }
  }
  return faults;
}

std::string overlay_metric(const Experiment& experiment) {
  if (!experiment.evaluate.overlay_metric.empty()) return experiment.evaluate.overlay_metric;
  if (!experiment.train.best_metric.empty()) return experiment.train.best_metric;
  return experiment.metrics.empty() ? "" : experiment.metrics.begin()->first;
}

}  // namespace sam3lab
