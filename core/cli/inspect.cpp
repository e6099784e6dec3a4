// sam3lab inspect FILE [--json]
#include <array>
#include <fstream>
#include <iostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/cli/arguments.h"
#include "core/record/summary.h"
#include "core/report/table.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

enum class Content { result, unknown };

// By the first bytes, whatever the file is called.
Content content_of(const std::string& file) {
  constexpr std::array<unsigned char, 8> hdf5 = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(Fault{file, "cannot be opened", "", "a result (.h5)", "check the path"});
  std::array<char, 8> start{};
  in.read(start.data(), start.size());
  const bool same = std::equal(hdf5.begin(), hdf5.end(), start.begin(),
                               [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); });
  return same ? Content::result : Content::unknown;
}

void print_line(const char* key, const std::string& value) { std::cout << fmt::format("{:<12}{}\n", key, printable(value)); }

void print_cost(const RunRecord& record) {
  std::string cost;
  for (const auto& [phase, seconds] : record.seconds)
    cost += fmt::format("{}{} {:.1f} s", cost.empty() ? "" : ", ", phase, seconds);
  double peak = 0.0;
  for (const StepRow& step : record.steps) peak = std::max(peak, step.peak_memory_mib);
  print_line("steps", fmt::format("{}", record.steps.size()));
  if (peak > 0.0) print_line("memory", fmt::format("{:.0f} MiB at most", peak));
  print_line("time", cost.empty() ? "not recorded" : cost);
}

void print_result(const RunRecord& record) {
  print_line("run", record.name + (record.finished ? "" : " (not finished)"));
  print_line("identity", record.identity);
  print_line("seed", fmt::format("{}", record.seed));
  print_line("code", record.code_version);
  print_line("start",
             record.checkpoint_sha256.empty() ? "seeded random weights" : "checkpoint, SHA-256 " + record.checkpoint_sha256);
  print_line("parameters", fmt::format("{}, of which {} train", record.parameters, record.trainable_parameters));
  for (const PluginRecord& plugin : record.plugins)
    print_line("plugin", plugin.slot + "/" + plugin.name + " " + plugin.version);
  for (const auto& [key, value] : record.environment) print_line("environment", key + ": " + value);
  print_cost(record);
  std::cout << "\n" << results_table(record);
}

int inspect_result(const std::string& file, bool as_json) {
  const RunRecord record = read_record(file);
  if (as_json) {
    // Texts of a strange file need not be UTF-8; JSON must be.
    std::cout << summarise(record).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    print_result(record);
  }
  return 0;
}

int run(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(), "a result (.h5)");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(inspect_command, arguments, options, positions);
  if (!values) return 0;
  if (values->count("file") == 0)
    throw UsageError(Fault{"sam3lab inspect", "no file given", "", "", "usage: sam3lab inspect FILE [--json]"});
  const auto file = (*values)["file"].as<std::string>();
  switch (content_of(file)) {
    case Content::result:
      return inspect_result(file, context.json);
    case Content::unknown:
      break;
  }
  throw DataError(Fault{file, "neither a result of a run nor a checkpoint that is known here", "", "an HDF5 result (.h5)", ""});
}

}  // namespace

extern const Command inspect_command = {"inspect", "what is in a result", "inspect FILE [--json]", run};

}  // namespace sam3lab
