// The arithmetic of a summary.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/record/run_record.h"

namespace sam3lab {

// One score row with the facts of its dataset by which statistics are grouped.
struct Scored {
  const ScoreRow* row;
  std::string dataset, modality, role;
};

// Every row of `record` whose stage is `stage`, with role "internal" or "external"; empty role: both.
std::vector<Scored> rows_of(const RunRecord& record, const std::string& stage, const std::string& role);

// A prompt's text within a modality: the unit that macro means run over. Prompts are compared as texts.
struct PromptKey {
  std::string modality, text;
  auto operator<=>(const PromptKey&) const = default;
};
using ByPrompt = std::map<PromptKey, std::vector<const ScoreRow*>>;

// Rows whose truth is not empty; the others say nothing about overlap.
ByPrompt by_prompt(const std::vector<Scored>& rows);

// The rows' values of a metric as one, by info.aggregate. A row without a value counts info.undefined_counts, or is left out.
// Nothing if no row counts. Without `info`: the mean of the values that are there.
std::optional<double> value_of(const std::vector<const ScoreRow*>& rows, const std::string& metric,
                               const MetricInfo& info = {});
// Mean over prompts of value_of, over the prompts that have one.
std::optional<double> macro_of(const ByPrompt& prompts, const std::string& metric, const MetricInfo& info = {});

// Rows without a value of the metric.
std::size_t undefined_in(const ByPrompt& prompts, const std::string& metric);

// (sample, prompt) pairs whose truth is empty, and on how many of them the model fired.
struct OffPrompt {
  std::size_t n = 0, fired = 0;
};
OffPrompt off_prompt(const std::vector<Scored>& rows);

// The shuffled rows whose twin (the same dataset, item and label, scored with its own prompt after training) exists; both lists
// are grouped by the twin's prompt.
struct Shuffled {
  ByPrompt own, exchanged;
  std::size_t n = 0;
};
Shuffled shuffled_of(const RunRecord& record);

}  // namespace sam3lab
