// The arithmetic of a summary, apart from its JSON form.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/record/run_record.h"

namespace sam3lab {

// One score row with the facts of its dataset that figures are grouped by.
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

// Mean of a metric over rows; nothing if no row has it.
std::optional<double> mean_of(const std::vector<const ScoreRow*>& rows, const std::string& metric);
// Mean over prompts of the mean over rows, over the prompts that have the metric.
std::optional<double> macro_of(const ByPrompt& prompts, const std::string& metric);

// (sample, prompt) pairs whose truth is empty, and on how many of them the model fired.
struct OffPrompt {
  std::size_t n = 0, fired = 0;
};
OffPrompt off_prompt(const std::vector<Scored>& rows);

// The shuffled rows whose twin, the same dataset, item and label asked with its own prompt, was scored after training; both
// lists are grouped by the twin's prompt.
struct Shuffled {
  ByPrompt own, exchanged;
  std::size_t n = 0;
};
Shuffled shuffled_of(const RunRecord& record);

}  // namespace sam3lab
