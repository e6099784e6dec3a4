// sam3lab run FILE: one cell of an experiment, with progress, the table at its end, and signals that stop it between two steps.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/cli/arguments.h"
#include "core/cli/progress.h"
#include "core/config/read.h"
#include "core/grid/run_cell.h"
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

std::filesystem::path result_folder(const Experiment& experiment, const po::variables_map& values) {
  if (values.count("out") != 0) return values["out"].as<std::string>();
  if (!experiment.record.folder.empty()) return experiment.record.folder;
  return std::filesystem::path("results") / experiment.name;
}

void print_outcome(const RunOutcome& outcome) {
  if (outcome.earlier) std::cout << "this run was finished before; nothing ran again\n";
  std::cout << "\n" << results_table(outcome.record) << "\n";
  std::cout << fmt::format("results   {}\n", outcome.result.string());
  if (std::filesystem::exists(outcome.weights)) std::cout << fmt::format("weights   {}\n", outcome.weights.string());
  if (!outcome.overview.empty()) std::cout << fmt::format("pictures  {}\n", outcome.overview.parent_path().string());
}

// The last line of every run, for scripts.
std::string figures(const RunOutcome& outcome) {
  const auto summary = summarise(outcome.record);
  const auto number = [&](const char* role, const char* stage, const char* name) {
    const auto& value = summary.at(role).at(stage).at(name);
    return value.is_number() ? fmt::format("{:.4f}", value.get<double>()) : std::string("none");
  };
  const auto total = outcome.record.seconds.find("total");
  return fmt::format(
      "internal_before={} internal_after={} external_before={} external_after={} off_prompt_rate={} seconds={:.0f}",
      number("internal", "before", "dice"), number("internal", "after", "dice"), number("external", "before", "dice"),
      number("external", "after", "dice"), number("internal", "after", "off_prompt_rate"),
      total == outcome.record.seconds.end() ? 0.0 : total->second);
}

int run(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(), "an experiment (.toml)")(
      "set", po::value<std::vector<std::string>>()->composing(), "KEY=VALUE: overrides the file, repeatable")(
      "limit", po::value<std::int64_t>()->default_value(0),
      "at most so many items of each dataset in evaluations; stamps the result")(
      "out", po::value<std::string>(), "folder of the results; default: results/NAME");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(run_command, arguments, options, positions);
  if (!values) return 0;
  if (values->count("file") == 0)
    throw UsageError(Fault{"sam3lab run", "no experiment given", "", "", "usage: sam3lab run FILE"});
  ReadRequest request{(*values)["file"].as<std::string>(), {}};
  if (values->count("set") != 0) request.sets = (*values)["set"].as<std::vector<std::string>>();
  const auto& registry = context.registry();
  const auto experiment = read_experiment(request, registry.catalogue());

  catch_signals();
  ProgressPrinter printer(context.quiet || context.json);
  RunRequest cell;
  cell.folder = result_folder(experiment, *values);
  cell.limit = (*values)["limit"].as<std::int64_t>();
  if (cell.limit < 0) throw UsageError(Fault{"--limit", "is negative", std::to_string(cell.limit), "0 (all) or more", ""});
  cell.progress = [&](const Progress& progress) { printer.show(progress); };
  cell.interrupted = &interrupted;
  const auto outcome = run_cell(experiment, experiment.seeds.front(), registry, cell);
  printer.end();
  if (outcome.interrupted) {
    std::cerr << "interrupted; what was done is in " << outcome.result.string() << "\n";
    return static_cast<int>(ExitCode::interrupted);
  }
  if (context.json) {
    std::cout << summarise(outcome.record).dump(2) << "\n";
  } else {
    print_outcome(outcome);
    std::cout << figures(outcome) << "\n";
  }
  return 0;
}

}  // namespace

extern const Command run_command = {"run", "train and evaluate an experiment",
                                    "run FILE [--set a.b=v]... [--limit N] [--out DIR]", run};

}  // namespace sam3lab
