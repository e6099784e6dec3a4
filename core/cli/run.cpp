// sam3lab run FILE: every cell of an experiment with every seed, with progress, a table at the end, and signals that stop it
// between two steps.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/cli/experiment_arguments.h"
#include "core/cli/grid_output.h"
#include "core/cli/metric_option.h"
#include "core/cli/progress.h"
#include "core/run/cell_device.h"
#include "core/grid/failure.h"
#include "core/grid/rank_processes.h"
#include "core/grid/run_grid.h"
#include "core/record/summary.h"
#include "core/registry/registry.h"
#include "core/report/table.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int) { interrupted = true; }

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESETHAND;  // a second Ctrl-C ends the program at once
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit then is an error of write(), which is reported
}

void print_outcome(const RunOutcome& outcome, const Summary& summary) {
  if (outcome.earlier) std::cout << "this run was finished before; nothing ran again\n";
  std::cout << "\n" << results_table(summary) << "\n";
  std::cout << fmt::format("results   {}\n", outcome.result.string());
  if (std::filesystem::exists(outcome.weights)) std::cout << fmt::format("weights   {}\n", outcome.weights.string());
  if (!outcome.overview.empty()) std::cout << fmt::format("pictures  {}\n", outcome.overview.parent_path().string());
}

// The last line of a run of one cell, for scripts. The scores are of `metric`; of another one, which is named, if the run does
// not have it.
std::string last_line(const RunOutcome& outcome, const Summary& summary, const std::string& metric) {
  const auto number = [](const Statistic& value) { return value ? fmt::format("{:.4f}", *value) : std::string("none"); };
  const auto score = [&](const StageSummary& stage) { return number(value_in(stage.metrics, summary.headline())); };
  return fmt::format(
      "{}internal_before={} internal_after={} external_before={} external_after={} off_prompt_rate={} seconds={:.0f} cells=1 "
      "done={} skipped={} failed=0",
      summary.headline() == metric ? "" : "metric=" + summary.headline() + " ", score(summary.internal.before),
      score(summary.internal.after), score(summary.external.before), score(summary.external.after),
      number(summary.internal.after.off_prompt_rate), summary.seconds.value_or(0.0), outcome.earlier ? 0 : 1,
      outcome.earlier ? 1 : 0);
}

int run_single(const Context& context, const GridCell& cell, const RunRequest& request, const std::string& metric,
               ProgressPrinter& printer) {
  const auto outcome = run_cell(*cell.experiment, cell.seed, context.registry(), request);
  printer.end();
  if (rank_of(request.ranks) > 0) return outcome.interrupted ? static_cast<int>(ExitCode::interrupted) : 0;
  if (outcome.interrupted) {
    std::cerr << "interrupted; what was done is in " << outcome.result.string() << "; --resume goes on from there\n";
    return static_cast<int>(ExitCode::interrupted);
  }
  const Summary summary = summarise(outcome.record, metric);
  if (context.json) {
    std::cout << to_json(summary).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    print_outcome(outcome, summary);
    std::cout << last_line(outcome, summary, metric) << "\n";
  }
  return 0;
}

// This process is one of several that run the cell together.
int run_rank(const Context& context, const GridCell& cell, RunRequest request, const std::string& metric,
             const RankAddress& address) {
  ProgressPrinter printer(context.quiet || context.json || address.rank > 0);
  request.progress = [&](const Progress& progress) { printer.show(progress); };
  const Ranks ranks(address);
  request.ranks = &ranks;
  try {
    return run_single(context, cell, request, metric, printer);
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    ranks.fail(failure.text, failure.code);
    throw;
  }
}

// Runs the cell with others, if --nproc or the environment says so. Of a grid each cell starts its own processes.
std::optional<int> run_with_ranks(const Context& context, const std::vector<GridCell>& cells, const RunRequest& request,
                                  const std::string& metric, std::int64_t nproc) {
  const auto address = rank_address_from_environment();
  if (nproc < 1 || nproc > 256)
    throw UsageError(Fault{"--nproc", "is no number of processes", std::to_string(nproc), "1 to 256", ""});
  if (address && nproc > 1) {
    throw UsageError(Fault{"--nproc", "this process is one of several already", fmt::format("WORLD_SIZE={}", address->size), "",
                           "leave --nproc to torchrun, or unset RANK and WORLD_SIZE"});
  }
  if (!address && (nproc == 1 || cells.size() > 1)) return std::nullopt;
  if (cells.size() > 1) {
    throw UsageError(Fault{"WORLD_SIZE", "processes that were started from outside work on one cell, not on a grid",
                           fmt::format("{} cells", cells.size()), "one cell",
                           "choose it with --set, for example 'seeds=[1]', or start all processes with --nproc"});
  }
  if (address) return run_rank(context, cells.front(), request, metric, *address);
  return run_ranks(static_cast<int>(nproc), interrupted,
                   [&](const RankAddress& mine) { return run_rank(context, cells.front(), request, metric, mine); });
}

int run_all(const Context& context, const std::vector<GridCell>& cells, GridRequest request, const std::string& metric) {
  std::set<std::string> devices;
  for (const auto& cell : cells) devices.insert(cell.experiment->train.device);
  for (const auto& device : devices) refuse_missing_device(device);
  const auto number = [&](std::size_t i) { return fmt::format("cell {} of {}", i + 1, cells.size()); };
  if (!context.quiet && !context.json) {
    request.begins = [&](std::size_t i) { std::cerr << fmt::format("{}: {}\n", number(i), cells[i].label()); };
  }
  request.ends = [&](std::size_t i, const CellReport& report) {
    if (report.state == CellState::failed)
      std::cerr << fmt::format("{} FAILED, {}:\n{}\n", number(i), cells[i].label(), report.error);
    if (report.state == CellState::held && request.begins)
      std::cerr << fmt::format("{}: {}\n  it is looked at again after the others\n", number(i), report.error);
    if (report.state == CellState::skipped && request.begins) std::cerr << number(i) << ": was finished before\n";
  };
  const auto reports = run_grid(cells, context.registry(), request);
  const GridCount count(reports);
  if (context.json) {
    std::cout << grid_json(cells, reports, metric) << "\n";
  } else {
    std::cout << "\n" << grid_table(cells, reports, metric) << "\n" << count.line() << "\n";
  }
  if (count.interrupted) std::cerr << "interrupted; finished cells stay, --resume goes on\n";
  return static_cast<int>(count.code());
}

int run_run(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(), "an experiment (.toml)")(
      "set", po::value<std::vector<std::string>>()->composing(), "KEY=VALUE: overrides the file, repeatable")(
      "limit", po::value<std::int64_t>()->default_value(0),
      "at most so many items of each dataset in evaluations; stamps the result")(
      "out", po::value<std::string>(), "folder of the results; default: results/NAME")(
      "nproc", po::value<std::int64_t>()->default_value(1), "processes that share the images of each step and of evaluations")(
      "metric", po::value<std::string>()->default_value(default_metric),
      "the metric that stands first in tables and in the last line")(
      "resume", "go on with an unfinished run of the same settings from its last checkpoint; start where there is none");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(run_command, arguments, options, positions);
  if (!values) return 0;
  const auto experiments = read_experiments(run_command, context, *values);
  const auto cells = grid_cells(experiments);
  std::set<std::string> names;
  for (const auto& experiment : experiments) {
    for (const auto& [name, choice] : experiment.metrics) names.insert(name);
  }
  const auto metric = chosen_metric(*values, names);

  catch_signals();
  ProgressPrinter printer(context.quiet || context.json);
  RunRequest cell;
  cell.limit = (*values)["limit"].as<std::int64_t>();
  if (cell.limit < 0) throw UsageError(Fault{"--limit", "is negative", std::to_string(cell.limit), "0 (all) or more", ""});
  cell.progress = [&](const Progress& progress) { printer.show(progress); };
  cell.interrupted = &interrupted;
  cell.resume = values->count("resume") != 0;
  cell.folder = result_folder(experiments.front(), *values);
  if (const auto code = run_with_ranks(context, cells, cell, metric, (*values)["nproc"].as<std::int64_t>())) return *code;
  if (cells.size() > 1) {
    cell.processes = static_cast<int>((*values)["nproc"].as<std::int64_t>());
    const auto folder = [&](const Experiment& experiment) { return result_folder(experiment, *values); };
    return run_all(context, cells, {cell, folder, {}, {}}, metric);
  }
  return run_single(context, cells.front(), cell, metric, printer);
}

}  // namespace

extern const Command run_command = {"run", "train and evaluate an experiment, or every cell of its grid",
                                    "run FILE [--set a.b=v]... [--resume] [--nproc N] [--limit N] [--metric NAME] [--out DIR]",
                                    run_run};

}  // namespace sam3lab
