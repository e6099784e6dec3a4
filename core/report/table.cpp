#include "core/report/table.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "core/report/metric_text.h"

namespace sam3lab {
namespace {

constexpr std::size_t first_number = 2;

std::string percent(const Statistic& value) { return value ? fmt::format("{:.1f} %", 100.0 * *value) : "-"; }

std::string mean_label(std::size_t prompts) { return fmt::format("mean of {} prompt{}", prompts, prompts == 1 ? "" : "s"); }

class ResultsTable {
 public:
  explicit ResultsTable(const Summary& summary) : summary_(summary) {
    TableRow header = {"modality", "prompt", "n"};
    for (const ShownMetric& metric : summary.metrics) {
      if (metric.full) header.push_back(metric_heading(metric, "before"));
      header.push_back(metric_heading(metric, "after"));
    }
    header.emplace_back("missed");
    rows_.push_back(std::move(header));
    add_internal();
    add_external();
  }
  [[nodiscard]] std::string text() const { return markdown_table(rows_, first_number); }

 private:
  // `all`: also the metrics that are not shown in full.
  void add_values(const Statistics& before, const Statistics& after, bool all, TableRow& row) const {
    for (const ShownMetric& metric : summary_.metrics) {
      if (metric.full) row.push_back(metric_number(value_in(before, metric.name), metric.info));
      row.push_back(all || metric.full ? metric_number(value_in(after, metric.name), metric.info) : "");
    }
  }
  void add_prompt(const PromptSummary& prompt, const std::string& dataset) {
    TableRow row = {printable(prompt.modality) + dataset, printable(prompt.text), fmt::format("{}", prompt.n)};
    add_values(prompt.before, prompt.after, true, row);
    row.push_back(fmt::format("{}", prompt.missed));
    rows_.push_back(std::move(row));
  }
  void add_mean(const std::string& role, const BeforeAfter& stages) {
    const auto& [before, after] = stages;
    TableRow row = {role, mean_label(std::max(before.prompts, after.prompts)),
                    fmt::format("{}", after.n == 0 ? before.n : after.n)};
    add_values(before.metrics, after.metrics, true, row);
    row.emplace_back("");
    rows_.push_back(std::move(row));
  }
  void add_internal() {
    for (const auto& [name, modality] : summary_.modalities) {
      for (const auto& [key, prompt] : summary_.prompts) {
        if (prompt.modality == name) add_prompt(prompt, "");
      }
      TableRow row = {printable(name), mean_label(modality.prompts), fmt::format("{}", modality.n)};
      add_values(modality.before, modality.after, false, row);
      row.emplace_back("");
      rows_.push_back(std::move(row));
    }
    add_mean("internal", summary_.internal);
  }
  void add_external() {
    for (const auto& [name, dataset] : summary_.datasets) {
      if (dataset.role != "external") continue;
      for (const auto& [key, prompt] : dataset.prompts) add_prompt(prompt, " (" + printable(name) + ")");
    }
    if (summary_.external.before.n > 0 || summary_.external.after.n > 0) add_mean("external", summary_.external);
  }

  const Summary& summary_;
  std::vector<TableRow> rows_;
};

std::string off_prompt_line(const Summary& summary) {
  std::string line = "Off-prompt firing rate (prompts of which the image has nothing):";
  bool any = false;
  for (const auto& [role, stages] : {std::pair("internal", &summary.internal), std::pair("external", &summary.external)}) {
    const std::size_t n = std::max(stages->before.off_prompt_n, stages->after.off_prompt_n);
    if (n == 0) continue;
    line += fmt::format("{} {} {} before, {} after, n = {}", any ? ";" : "", role, percent(stages->before.off_prompt_rate),
                        percent(stages->after.off_prompt_rate), n);
    any = true;
  }
  return any ? line + ".\n" : "";
}

std::string shuffled_line(const Summary& summary) {
  if (summary.shuffled.n == 0) return "";
  std::string line = "Shuffled prompts (same images, prompts exchanged among those present): ";
  for (const ShownMetric& metric : summary.metrics) {
    if (!metric.full) continue;
    const auto number = [&metric](const Statistics& statistics) {
      const Statistic value = value_in(statistics, metric.name);
      return metric_number(value, metric.info) + (value && !metric.info.unit.empty() ? " " + printable(metric.info.unit) : "");
    };
    line += fmt::format("{} {} with the own prompt, {} with another's, ", printable(metric.title), number(summary.shuffled.own),
                        number(summary.shuffled.exchanged));
  }
  return line + fmt::format("n = {}.\n", summary.shuffled.n);
}

// Samples without a value, of each metric that has some.
std::string undefined_line(const Summary& summary) {
  std::string line;
  for (const ShownMetric& metric : summary.metrics) {
    const auto count = [&](const StageSummary& stage) {
      const auto found = stage.undefined.find(metric.name);
      return found == stage.undefined.end() ? std::size_t{0} : found->second;
    };
    const std::size_t before = count(summary.internal.before) + count(summary.external.before),
                      after = count(summary.internal.after) + count(summary.external.after);
    if (before == 0 && after == 0) continue;
    const auto& counts = metric.info.undefined_counts;
    line += fmt::format("{}: undefined for {} samples before and {} after training; {}.\n", printable(metric.title), before,
                        after, counts ? fmt::format("each counts {:g}", *counts) : "they are left out");
  }
  return line;
}

}  // namespace

std::string results_table(const Summary& summary) {
  std::string text = "Internal: " + summary.caveat + ".\n";
  if (summary.external.before.n != 0 || summary.external.after.n != 0) text += "External: " + summary.external_caveat + ".\n";
  if (!summary.protocol.empty()) text += "Protocol: " + printable(summary.protocol) + "\n";
  return text + "\n" + ResultsTable(summary).text() + "\n" + arrow_line(summary.metrics) + undefined_line(summary) +
         off_prompt_line(summary) + shuffled_line(summary);
}

}  // namespace sam3lab
