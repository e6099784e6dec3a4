// The overlays of a finished run.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/eval/evaluate.h"
#include "core/record/run_record.h"

namespace sam3lab {

struct RankedCase {
  const ScoreRow* row;
  double value;  // of the metric, or what an undefined value counts
};

// Prompt -> its rows after training that have a target, worst first. Rows without a value are left out, as the metric says.
std::map<std::string, std::vector<RankedCase>> rank_cases(const DatasetRecord& dataset, const std::string& metric,
                                                          const MetricInfo& info);

// For each dataset and prompt, the best, median and worst case after training by `metric`, of record.metrics:
// `<dataset>/<prompt>-best.png`, ...; and overview.png with the median case of one prompt of each dataset. Returns the path of
// the overview; empty if there is no case.
std::filesystem::path draw_overlays(const RunRecord& record, const std::string& metric, const Evaluator& evaluator,
                                    Backbone& model, const std::filesystem::path& folder);

}  // namespace sam3lab
