// The statistics of a run, computed from its score rows and never stored apart from them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/record/caveat.h"
#include "core/record/run_record.h"

namespace sam3lab {

using Statistic = std::optional<double>;              // nothing without samples
using Statistics = std::map<std::string, Statistic>;  // by metric

// A metric of the run, as tables show it. `title`: what its definition says before the first " = ", or its name. `full`: its
// values before training, of single modalities and of all variants are shown too; true for the headline, and for a metric of
// another unit or direction, which says something else than the headline.
struct ShownMetric {
  std::string name, title;
  MetricInfo info;
  bool full = false;
};

// One stage of one role or dataset.
struct StageSummary {
  std::size_t n = 0, prompts = 0;  // samples whose truth is not empty; prompts that have one
  std::size_t off_prompt_n = 0;    // (sample, prompt) pairs whose truth is empty
  Statistic off_prompt_rate;       // share of them on which the model fired
  Statistics metrics;              // of each column of the scores: mean over prompts of what MetricInfo makes of their samples
  std::map<std::string, std::size_t> undefined;  // metric -> samples of `n` without a value, where there are any
};
struct BeforeAfter {
  StageSummary before, after;
};

struct PromptSummary {
  std::string modality, text;
  std::size_t n = 0, missed = 0;  // missed: samples on which the model did not fire
  Statistics before, after;
};
using PromptSummaries = std::map<std::string, PromptSummary>;  // by text; "TEXT (MODALITY)" where two modalities ask for one

struct ModalitySummary {
  std::size_t n = 0, prompts = 0;
  Statistics before, after;
};

struct DatasetSummary {
  std::string role, modality, caveat;
  Subjects subjects;
  BeforeAfter stages;
  PromptSummaries prompts;
};

// The same samples with their own prompt and with another's.
struct ShuffledSummary {
  std::size_t n = 0;
  Statistics own, exchanged;
};

// Sums over the steps, and peaks. Nothing where the machine did not tell.
struct CostSummary {
  std::size_t steps = 0;
  double step_seconds = 0.0;
  Statistic joules, flops, peak_memory_mib, device_memory_mib;
  std::int64_t parameters = 0, trainable_parameters = 0;
};

struct Summary {
  std::string name, identity, protocol, caveat, external_caveat;  // external_caveat: empty without external datasets
  std::int64_t seed = 0;
  bool finished = false;
  Statistic seconds;
  std::vector<ShownMetric> metrics;  // the headline first, the others by name
  CostSummary cost;
  BeforeAfter internal, external;
  std::map<std::string, ModalitySummary> modalities;  // internal
  PromptSummaries prompts;                            // internal
  ShuffledSummary shuffled;
  std::map<std::string, DatasetSummary> datasets;

  [[nodiscard]] std::string headline() const { return metrics.empty() ? "" : metrics.front().name; }
};

// `headline`: the metric that stands first. A run that does not have it is summed up by its first metric by name.
Summary summarise(const RunRecord& record, const std::string& headline = "");

// Layout: results/README.md, "Summary".
nlohmann::json to_json(const Summary& summary);

// The statistic of a metric; nothing if it has none.
Statistic value_in(const Statistics& statistics, const std::string& metric);

}  // namespace sam3lab
