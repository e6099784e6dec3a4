#include "core/cli/grid_output.h"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/record/summary.h"
#include "core/report/compare_text.h"
#include "core/report/markdown.h"
#include "core/report/metric_text.h"

namespace sam3lab {
namespace {

using nlohmann::json;

// Nothing if the cell has no result that can be read: its row then shows no scores.
std::optional<RunRecord> record_of(const CellReport& report) {
  if (report.state != CellState::done && report.state != CellState::skipped) return std::nullopt;
  return read_record(report.result);
}

}  // namespace

GridCount::GridCount(const std::vector<CellReport>& reports) : cells(reports.size()) {
  for (const CellReport& report : reports) {
    done += report.state == CellState::done ? 1 : 0;
    skipped += report.state == CellState::skipped ? 1 : 0;
    failed += report.state == CellState::failed ? 1 : 0;
    interrupted = interrupted || report.state == CellState::interrupted || report.state == CellState::waiting ||
                  report.state == CellState::held;
  }
}

ExitCode GridCount::code() const {
  if (interrupted) return ExitCode::interrupted;
  return failed > 0 ? ExitCode::partial : ExitCode::done;
}

std::string GridCount::line() const {
  return fmt::format("cells={} done={} skipped={} failed={}", cells, done, skipped, failed);
}

std::string grid_table(const std::vector<GridCell>& cells, const std::vector<CellReport>& reports, const std::string& metric) {
  std::vector<TableRow> rows = {{}};
  std::vector<RunStatistics> runs;
  std::string errors;
  std::optional<ShownMetric> shown;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    TableRow row = {printable(cells[i].label()), std::string(name_of(reports[i].state))};
    if (const auto record = record_of(reports[i])) {
      const Summary summary = summarise(*record, shown ? shown->name : metric);
      if (!shown && !summary.metrics.empty()) shown = summary.metrics.front();
      const auto score = [&](const StageSummary& stage) {
        return shown ? metric_number(value_in(stage.metrics, shown->name), shown->info) : "-";
      };
      row.insert(row.end(), {score(summary.internal.before), score(summary.internal.after), score(summary.external.after),
                             fmt::format("{:.0f}", reports[i].seconds), reports[i].result.filename().string()});
      runs.push_back(statistics_of(*record, reports[i].result.string()));
    } else {
      row.insert(row.end(), {"-", "-", "-", fmt::format("{:.0f}", reports[i].seconds), "-"});
    }
    if (reports[i].state == CellState::failed) errors += fmt::format("FAILED {}:\n{}\n", cells[i].label(), reports[i].error);
    rows.push_back(std::move(row));
  }
  const auto heading = [&shown](const char* what) { return shown ? metric_heading(*shown, what) : std::string(what); };
  rows.front() = {"cell", "state", heading("before"), heading("after"), "external after", "s", "result"};
  std::string text = markdown_table(rows, 2) + "\n" + errors;
  if (!runs.empty()) text += (errors.empty() ? "" : "\n") + comparison_markdown(compare(runs, {metric}));
  return text;
}

std::string grid_json(const std::vector<GridCell>& cells, const std::vector<CellReport>& reports, const std::string& metric) {
  json rows = json::array();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto record = record_of(reports[i]);
    json settings = json::object();
    for (const auto& [key, value] : cells[i].experiment->cell) settings[key] = value;
    rows.push_back({{"settings", std::move(settings)},
                    {"seed", cells[i].seed},
                    {"state", name_of(reports[i].state)},
                    {"result", reports[i].result.string()},
                    {"error", reports[i].error},
                    {"code", static_cast<int>(reports[i].code)},
                    {"seconds", reports[i].seconds},
                    {"summary", record ? to_json(summarise(*record, metric)) : json(nullptr)}});
  }
  const GridCount count(reports);
  const json all = {{"cells", std::move(rows)}, {"done", count.done}, {"skipped", count.skipped}, {"failed", count.failed}};
  return all.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace sam3lab
