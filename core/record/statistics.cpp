#include "core/record/statistics.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace sam3lab {
namespace {

std::optional<double> defined_in(const ScoreRow& row, const std::string& metric) {
  const auto found = row.metrics.find(metric);
  if (found == row.metrics.end() || std::isnan(found->second)) return std::nullopt;
  return found->second;
}

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

}  // namespace

std::vector<Scored> rows_of(const RunRecord& record, const std::string& stage, const std::string& role) {
  std::vector<Scored> rows;
  for (const auto& [name, dataset] : record.datasets) {
    if (!role.empty() && dataset.role != role) continue;
    for (const ScoreRow& row : dataset.scores) {
      if (row.stage == stage) rows.push_back({&row, name, dataset.modality, dataset.role});
    }
  }
  return rows;
}

ByPrompt by_prompt(const std::vector<Scored>& rows) {
  ByPrompt prompts;
  for (const Scored& scored : rows) {
    if (scored.row->present) prompts[{scored.modality, scored.row->prompt}].push_back(scored.row);
  }
  return prompts;
}

std::optional<double> value_of(const std::vector<const ScoreRow*>& rows, const std::string& metric, const MetricInfo& info) {
  std::vector<double> values;
  for (const ScoreRow* row : rows) {
    if (const auto value = defined_in(*row, metric)) {
      values.push_back(*value);
    } else if (info.undefined_counts) {
      values.push_back(*info.undefined_counts);
    }
  }
  if (values.empty()) return std::nullopt;
  if (info.aggregate == MetricInfo::Aggregate::median) return median_of(std::move(values));
  double sum = 0.0;
  for (const double value : values) sum += value;
  return info.aggregate == MetricInfo::Aggregate::sum ? sum : sum / static_cast<double>(values.size());
}

std::optional<double> macro_of(const ByPrompt& prompts, const std::string& metric, const MetricInfo& info) {
  double sum = 0.0;
  std::size_t n = 0;
  for (const auto& [key, rows] : prompts) {
    const auto value = value_of(rows, metric, info);
    if (!value) continue;
    sum += *value;
    ++n;
  }
  if (n == 0) return std::nullopt;
  return sum / static_cast<double>(n);
}

std::size_t undefined_in(const ByPrompt& prompts, const std::string& metric) {
  std::size_t n = 0;
  for (const auto& [key, rows] : prompts) {
    for (const ScoreRow* row : rows) n += defined_in(*row, metric) ? 0 : 1;
  }
  return n;
}

OffPrompt off_prompt(const std::vector<Scored>& rows) {
  OffPrompt count;
  for (const Scored& scored : rows) {
    if (scored.row->present) continue;
    ++count.n;
    if (scored.row->fired) ++count.fired;
  }
  return count;
}

Shuffled shuffled_of(const RunRecord& record) {
  std::map<std::tuple<std::string, std::string, std::string>, const ScoreRow*> twins;
  for (const Scored& scored : rows_of(record, "after", "internal")) {
    if (scored.row->present) twins.emplace(std::tuple(scored.dataset, scored.row->item, scored.row->label), scored.row);
  }
  Shuffled shuffled;
  for (const Scored& scored : rows_of(record, "shuffled", "internal")) {
    const auto twin = twins.find({scored.dataset, scored.row->item, scored.row->label});
    if (!scored.row->present || twin == twins.end()) continue;
    const PromptKey key{scored.modality, twin->second->prompt};
    shuffled.own[key].push_back(twin->second);
    shuffled.exchanged[key].push_back(scored.row);
    ++shuffled.n;
  }
  return shuffled;
}

}  // namespace sam3lab
