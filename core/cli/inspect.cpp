// sam3lab inspect FILE [--metric NAME] [--json]
#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/cli/arguments.h"
#include "core/cli/checkpoint_summary.h"
#include "core/cli/metric_option.h"
#include "core/record/summary.h"
#include "core/report/table.h"
#include "core/tensor/torch_file.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

enum class Content { result, checkpoint, unknown };

// By the first bytes, whatever the file is called; only the index of shards is text, and told by its name.
Content content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(Fault{file, "cannot be opened", "", "a result (.h5) or a checkpoint", "check the path"});
  std::array<char, 9> bytes{};
  in.read(bytes.data(), bytes.size());
  const std::string_view start(bytes.data(), static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  using namespace std::string_view_literals;
  if (start.starts_with("\x89HDF\r\n\x1a\n"sv)) return Content::result;
  const bool torch = start.starts_with("PK\x03\x04"sv) || start.starts_with("\x80\x02\x8a\x0a"sv);
  const bool safetensors = start.size() == bytes.size() && start.back() == '{';  // behind 8 bytes of length
  return torch || safetensors || file.ends_with(".json") ? Content::checkpoint : Content::unknown;
}

void print_line(const char* key, const std::string& value) { std::cout << fmt::format("{:<12}{}\n", key, printable(value)); }

void print_cost(const RunRecord& record, const CostSummary& cost) {
  std::string time;
  for (const auto& [phase, seconds] : record.seconds)
    time += fmt::format("{}{} {:.1f} s", time.empty() ? "" : ", ", phase, seconds);
  print_line("steps", fmt::format("{}", cost.steps));
  if (cost.peak_memory_mib) print_line("memory", fmt::format("{:.0f} MiB at most", *cost.peak_memory_mib));
  if (cost.device_memory_mib) print_line("device", fmt::format("{:.0f} MiB at most", *cost.device_memory_mib));
  if (cost.steps > 0) {
    print_line("energy", cost.joules ? fmt::format("{:.0f} J in training", *cost.joules) : "not available");
    print_line("operations", cost.flops ? fmt::format("{:.3g} estimated in training", *cost.flops) : "not estimated");
  }
  print_line("time", time.empty() ? "not recorded" : time);
}

void print_result(const RunRecord& record, const Summary& summary) {
  print_line("run", record.name + (record.finished ? "" : " (not finished)"));
  print_line("identity", record.identity);
  print_line("seed", fmt::format("{}", record.seed));
  print_line("code", record.code_version);
  print_line("start",
             record.checkpoint_sha256.empty() ? "seeded random weights" : "checkpoint, SHA-256 " + record.checkpoint_sha256);
  print_line("parameters", fmt::format("{}, of which {} train", record.parameters, record.trainable_parameters));
  if (!record.groups.empty()) {
    const auto [low, high] = std::ranges::minmax_element(record.groups, {}, &GroupRow::learning_rate);
    print_line("groups",
               fmt::format("{}, peak rates {:g} to {:g}", record.groups.size(), low->learning_rate, high->learning_rate));
  }
  for (const PluginRecord& plugin : record.plugins)
    print_line("plugin", plugin.slot + "/" + plugin.name + " " + plugin.version);
  for (const auto& [key, value] : record.environment) print_line("environment", key + ": " + value);
  print_cost(record, summary.cost);
  std::cout << "\n" << results_table(summary);
}

int inspect_result(const std::string& file, bool as_json, const po::variables_map& values) {
  const RunRecord record = read_record(file);
  std::set<std::string> names;
  for (const auto& [name, info] : record.metrics) names.insert(name);
  const Summary summary = summarise(record, chosen_metric(values, names));
  if (as_json) {
    // Texts of a strange file need not be UTF-8; JSON must be.
    std::cout << to_json(summary).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    print_result(record, summary);
  }
  return 0;
}

int inspect_checkpoint(const std::string& file, const Context& context) {
  const auto summary = summarise_checkpoint(read_checkpoint(file), context.registry());
  (context.json ? print_checkpoint_json : print_checkpoint)(file, summary);
  return 0;
}

int run_inspect(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(),
                        "a result (.h5) or a checkpoint (.pt, .safetensors, .safetensors.index.json)")(
      "metric", po::value<std::string>()->default_value(default_metric), "of a result: the metric that stands first");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(inspect_command, arguments, options, positions);
  if (!values) return 0;
  if (values->count("file") == 0)
    throw UsageError(Fault{"sam3lab inspect", "no file given", "", "", "usage: sam3lab inspect FILE [--metric NAME] [--json]"});
  const auto file = (*values)["file"].as<std::string>();
  switch (content_of(file)) {
    case Content::result:
      return inspect_result(file, context.json, *values);
    case Content::checkpoint:
      return inspect_checkpoint(file, context);
    case Content::unknown:
      break;
  }
  throw DataError(Fault{file, "neither a result of a run nor a checkpoint", "",
                        "an HDF5 result (.h5), .pt, .safetensors or .safetensors.index.json", ""});
}

}  // namespace

extern const Command inspect_command = {"inspect", "what is in a result or a checkpoint",
                                        "inspect FILE [--metric NAME] [--json]", run_inspect};

}  // namespace sam3lab
