// sam3lab verify FILE [--set a.b=v]... [--html DIR] [--write-split FILE] [--limit N] [--workers N] [--json]
#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/cli/arguments.h"
#include "core/config/read.h"
#include "core/data/split_file.h"
#include "core/registry/registry.h"
#include "core/verify/verify.h"
#include "core/verify/verify_html.h"
#include "core/verify/verify_text.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

// The first cell of a grid. UsageError if cells differ in their data or split: each would need its own verification.
Experiment read(const Context& context, const po::variables_map& values) {
  if (values.count("file") == 0)
    throw UsageError(Fault{"sam3lab verify", "no experiment given", "", "", "usage: sam3lab verify FILE"});
  ReadRequest request{values["file"].as<std::string>(), {}, true};
  if (values.count("set") != 0) request.sets = values["set"].as<std::vector<std::string>>();
  auto cells = read_cells(request, context.registry().catalogue());
  const auto data_of = [](const Experiment& cell) {
    std::string text = format_value(static_cast<double>(cell.split.held_out));
    auto split = cell.split;
    split.visit(
        [&text](const char*, const auto& value, const Limits& = {}) { text += format_value(detail::to_option(value)) + "\n"; });
    for (const auto& [name, choice] : cell.datasets) {
      text += name + " " + choice.use + " " + choice.common.role + choice.common.prompt + "\n";
      for (const auto& [key, value] : choice.options) text += key + format_value(value) + "\n";
    }
    return text;
  };
  const auto first = data_of(cells.front());
  if (std::any_of(cells.begin(), cells.end(), [&](const auto& cell) { return data_of(cell) != first; })) {
    std::vector<std::string> picks;
    for (const auto& [key, value] : cells.front().cell) picks.push_back("--set " + key + "=" + value);
    throw UsageError(Fault{request.file.string(), "the cells differ in their data or split",
                           std::to_string(cells.size()) + " cells", "one", "choose one, as in: " + join(picks, " ")});
  }
  return std::move(cells.front());
}

std::int64_t number(const po::variables_map& values, const char* name, std::int64_t least, std::int64_t most) {
  const auto value = values[name].as<std::int64_t>();
  if (value < least || value > most) {
    throw UsageError(
        Fault{"--" + std::string(name), "out of range", std::to_string(value), fmt::format("{} to {}", least, most), ""});
  }
  return value;
}

int run_verify(const Context& context, const Arguments& arguments) {
  const auto cores = std::clamp<std::int64_t>(std::thread::hardware_concurrency(), 1, 64);
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(), "an experiment, or a file that has datasets alone (.toml)")(
      "set", po::value<std::vector<std::string>>()->composing(), "KEY=VALUE: overrides the file, repeatable")(
      "html", po::value<std::string>(), "folder for a page with images, verify.html")(
      "write-split", po::value<std::string>(), "file for the subset of each item, to be used as split.file")(
      "limit", po::value<std::int64_t>()->default_value(0), "images of each dataset that are read; 0: all")(
      "workers", po::value<std::int64_t>()->default_value(cores), "threads that read");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(verify_command, arguments, options, positions);
  if (!values) return 0;
  ScanRequest request{number(*values, "workers", 1, 256), number(*values, "limit", 0, INT64_MAX), {}};
  const auto experiment = read(context, *values);
  auto said = std::chrono::steady_clock::now();
  if (!context.quiet) {
    request.progress = [&said](std::int64_t done, std::int64_t all) {
      const auto now = std::chrono::steady_clock::now();
      if (now - said < std::chrono::seconds(5)) return;
      said = now;
      std::cerr << fmt::format("read {} of {} images\n", done, all);
    };
  }
  const auto verification = verify_data(experiment, context.registry(), request);
  if (values->count("html") != 0) write_verify_page(verification, experiment.name, (*values)["html"].as<std::string>());
  if (values->count("write-split") != 0) {
    if (!verification.split || verification.datasets.size() != experiment.datasets.size()) {
      throw DataError(
          Fault{"--write-split", "the data could not be divided", "", "datasets that open, and a split", "see the findings"});
    }
    std::vector<Split> splits;
    for (const auto& dataset : verification.datasets) splits.push_back(dataset.split);
    write_splits((*values)["write-split"].as<std::string>(), verification.sources, splits);
  }
  std::cout << (context.json ? verify_json(verification) : verify_text(verification));
  return static_cast<int>(verification.count(Severity::error) > 0 ? ExitCode::data : ExitCode::done);
}

}  // namespace

extern const Command verify_command = {
    "verify", "checks the data of an experiment: pairs, encodings, texts, duplicates, leaks; trains nothing",
    "verify FILE [--set a.b=v]... [--html DIR] [--write-split FILE] [--limit N] [--workers N] [--json]", run_verify};

}  // namespace sam3lab
