#include "core/record/summary.h"

#include <algorithm>
#include <set>

#include "core/record/layout.h"
#include "core/record/statistics.h"

namespace sam3lab {
namespace {

std::size_t samples(const ByPrompt& prompts) {
  std::size_t n = 0;
  for (const auto& [key, rows] : prompts) n += rows.size();
  return n;
}

constexpr std::size_t longest_title = 24;  // bytes

// "Dice" of "Dice = 2 |P and T| / (|P| + |T|)".
std::string title_of(const std::string& name, const MetricInfo& info) {
  const auto end = info.definition.find(" = ");
  return end == std::string::npos || end == 0 || end > longest_title ? name : info.definition.substr(0, end);
}

std::vector<ShownMetric> shown_metrics(const RunRecord& record, const std::string& headline) {
  std::vector<ShownMetric> metrics;
  for (const auto& [name, info] : record.metrics) metrics.push_back({name, title_of(name, info), info, false});
  const auto first = std::ranges::find(metrics, headline, &ShownMetric::name);
  if (first != metrics.end()) std::rotate(metrics.begin(), first, first + 1);
  for (ShownMetric& metric : metrics) {
    const MetricInfo &one = metric.info, &of_headline = metrics.front().info;
    metric.full =
        &metric == &metrics.front() || one.unit != of_headline.unit || one.higher_is_better != of_headline.higher_is_better;
  }
  return metrics;
}

// Summaries of one record: the metrics are the same for all of them.
class Summariser {
 public:
  Summariser(const RunRecord& record, const std::vector<ShownMetric>& metrics) : record_(record), metrics_(metrics) {}

  [[nodiscard]] BeforeAfter before_and_after(const RunRecord& record, const std::string& role) const {
    return {stage(rows_of(record, "before", role)), stage(rows_of(record, "after", role))};
  }

  // Of every prompt that has a sample with a truth.
  [[nodiscard]] PromptSummaries prompts(const RunRecord& record, const std::string& role) const {
    ByPrompt before = by_prompt(rows_of(record, "before", role)), after = by_prompt(rows_of(record, "after", role));
    std::set<PromptKey> keys;
    for (const auto& [key, rows] : before) keys.insert(key);
    for (const auto& [key, rows] : after) keys.insert(key);
    std::map<std::string, std::size_t> modalities;  // that ask for a text
    for (const PromptKey& key : keys) ++modalities[key.text];
    PromptSummaries prompts;
    for (const PromptKey& key : keys) {
      const auto& last = after.contains(key) ? after[key] : before[key];
      PromptSummary& prompt = prompts[modalities[key.text] > 1 ? key.text + " (" + key.modality + ")" : key.text];
      prompt = {key.modality, key.text, last.size(), 0, values(before[key]), values(after[key])};
      for (const ScoreRow* row : last) prompt.missed += row->fired ? 0 : 1;
    }
    return prompts;
  }

  [[nodiscard]] std::map<std::string, ModalitySummary> modalities() const {
    std::map<std::string, std::pair<std::vector<Scored>, std::vector<Scored>>> rows;
    for (const Scored& scored : rows_of(record_, "before", "internal")) rows[scored.modality].first.push_back(scored);
    for (const Scored& scored : rows_of(record_, "after", "internal")) rows[scored.modality].second.push_back(scored);
    std::map<std::string, ModalitySummary> modalities;
    for (const auto& [modality, stages] : rows) {
      const ByPrompt before = by_prompt(stages.first), after = by_prompt(stages.second);
      const ByPrompt& last = after.empty() ? before : after;
      modalities[modality] = {samples(last), last.size(), macro(before), macro(after)};
    }
    return modalities;
  }

  [[nodiscard]] std::map<std::string, DatasetSummary> datasets() const {
    std::map<std::string, DatasetSummary> datasets;
    for (const auto& [name, dataset] : record_.datasets) {
      RunRecord alone;
      alone.datasets[name] = dataset;
      datasets[name] = {dataset.role,
                        dataset.modality,
                        caveat_of_dataset(record_, name),
                        subjects_of_dataset(record_, name),
                        before_and_after(alone, ""),
                        prompts(alone, "")};
    }
    return datasets;
  }

  [[nodiscard]] ShuffledSummary shuffled() const {
    const Shuffled rows = shuffled_of(record_);
    return {rows.n, macro(rows.own), macro(rows.exchanged)};
  }

 private:
  [[nodiscard]] StageSummary stage(const std::vector<Scored>& rows) const {
    const ByPrompt prompts = by_prompt(rows);
    const OffPrompt off = off_prompt(rows);
    StageSummary summary{samples(prompts), prompts.size(), off.n, std::nullopt, macro(prompts), {}};
    if (off.n > 0) summary.off_prompt_rate = static_cast<double>(off.fired) / static_cast<double>(off.n);
    for (const ShownMetric& metric : metrics_) {
      for (const std::string_view suffix : {layout::ungated_suffix, layout::merged_suffix}) {
        const std::string column = metric.name + std::string(suffix);
        summary.metrics[column] = macro_of(prompts, column, metric.info);
      }
      if (const auto n = undefined_in(prompts, metric.name); n > 0) summary.undefined[metric.name] = n;
    }
    return summary;
  }
  [[nodiscard]] Statistics macro(const ByPrompt& prompts) const {
    Statistics statistics;
    for (const ShownMetric& metric : metrics_) statistics[metric.name] = macro_of(prompts, metric.name, metric.info);
    return statistics;
  }
  [[nodiscard]] Statistics values(const std::vector<const ScoreRow*>& rows) const {
    Statistics statistics;
    for (const ShownMetric& metric : metrics_) statistics[metric.name] = value_of(rows, metric.name, metric.info);
    return statistics;
  }

  const RunRecord& record_;
  const std::vector<ShownMetric>& metrics_;
};

CostSummary cost_of(const RunRecord& record) {
  double joules = 0.0, flops = 0.0, host = 0.0, device = 0.0;
  CostSummary cost;
  for (const StepRow& step : record.steps) {
    cost.step_seconds += step.seconds;
    joules += step.joules;  // NaN as soon as one step has none
    flops += step.flops;
    host = std::max(host, step.peak_memory_mib);
    device = std::max(device, step.device_memory_mib);
  }
  const auto known = [](double value) { return value > 0.0 ? Statistic(value) : std::nullopt; };
  cost.steps = record.steps.size();
  cost.joules = known(joules);
  cost.flops = known(flops);
  cost.peak_memory_mib = known(host);
  cost.device_memory_mib = known(device);
  cost.parameters = record.parameters;
  cost.trainable_parameters = record.trainable_parameters;
  return cost;
}

bool has_role(const RunRecord& record, const std::string& role) {
  return std::ranges::any_of(record.datasets, [&](const auto& entry) { return entry.second.role == role; });
}

}  // namespace

Summary summarise(const RunRecord& record, const std::string& headline) {
  Summary summary;
  summary.name = record.name;
  summary.identity = record.identity;
  summary.protocol = record.protocol;
  summary.caveat = caveat_of_role(record, "internal");
  if (has_role(record, "external")) summary.external_caveat = caveat_of_role(record, "external");
  summary.seed = record.seed;
  summary.finished = record.finished;
  if (const auto total = record.seconds.find("total"); total != record.seconds.end()) summary.seconds = total->second;
  summary.metrics = shown_metrics(record, headline);
  summary.cost = cost_of(record);
  const Summariser summariser(record, summary.metrics);
  summary.internal = summariser.before_and_after(record, "internal");
  summary.external = summariser.before_and_after(record, "external");
  summary.modalities = summariser.modalities();
  summary.prompts = summariser.prompts(record, "internal");
  summary.shuffled = summariser.shuffled();
  summary.datasets = summariser.datasets();
  return summary;
}

Statistic value_in(const Statistics& statistics, const std::string& metric) {
  const auto found = statistics.find(metric);
  return found == statistics.end() ? std::nullopt : found->second;
}

}  // namespace sam3lab
