// What an experiment says about its metrics, checked before anything is read or computed.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/experiment.h"

namespace sam3lab {

// Metrics that are named and not there, and names that the columns of a result already have. `where` is the experiment file.
std::vector<Fault> metric_faults(const Experiment& experiment, const std::string& where);

// The metric that overlays are ranked by: evaluate.overlay_metric, else train.best_metric, else the first by name. Empty where
// there is no metric.
std::string overlay_metric(const Experiment& experiment);

}  // namespace sam3lab
