// sam3lab report RESULTS... [--format markdown|csv|json] [--metric NAME]... [--modalities] [--out DIR]
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/atomic_file.h"
#include "core/cli/arguments.h"
#include "core/cli/metric_option.h"
#include "core/record/run_record.h"
#include "core/report/compare_text.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

constexpr std::size_t most_results = 10000;

// Results (.h5) at or below a path that was given, in the order of their names.
void collect(const std::filesystem::path& given, std::vector<std::filesystem::path>& files, std::vector<Fault>& faults) {
  std::error_code error;
  const auto status = std::filesystem::status(given, error);
  if (!std::filesystem::exists(status)) {
    faults.push_back({given.string(), "there is no such file or folder", "", "a result (.h5), or a folder of results", ""});
    return;
  }
  if (!std::filesystem::is_directory(status)) {
    files.push_back(given);
    return;
  }
  std::vector<std::filesystem::path> found;
  for (auto it = std::filesystem::recursive_directory_iterator(given, error); !error && it != std::filesystem::end(it);
       it.increment(error)) {
    if (it->path().extension() == ".h5" && it->is_regular_file(error)) found.push_back(it->path());
  }
  if (error) faults.push_back({given.string(), "cannot be listed", error.message(), "", ""});
  if (found.empty() && !error) faults.push_back({given.string(), "holds no result (.h5)", "", "", ""});
  std::ranges::sort(found);
  files.insert(files.end(), found.begin(), found.end());
}

// All that can be read, or one error that names every file that cannot.
std::vector<RunStatistics> read_all(const std::vector<std::string>& given) {
  std::vector<std::filesystem::path> files;
  std::vector<Fault> faults;
  for (const std::string& path : given) collect(path, files, faults);
  if (files.size() > most_results)
    throw UsageError(Fault{"sam3lab report", "too many results", fmt::format("{}", files.size()),
                           fmt::format("at most {}", most_results), "give fewer folders"});
  std::vector<RunStatistics> runs;
  for (const auto& file : files) {
    try {
      runs.push_back(statistics_of(read_record(file), file.string()));
    } catch (const DataError& error) {
      faults.push_back({"", error.what(), "", "", ""});
    }
  }
  if (!faults.empty()) throw DataError(faults);
  return runs;
}

std::vector<std::string> asked_metrics(const po::variables_map& values, const std::vector<RunStatistics>& runs) {
  if (values.count("metric") == 0) return {default_metric};
  std::set<std::string> names;
  for (const RunStatistics& run : runs) {
    for (const auto& [name, metric] : run.metrics) names.insert(name);
  }
  const auto metrics = values["metric"].as<std::vector<std::string>>();
  for (const std::string& metric : metrics) check_metric(metric, names);
  return metrics;
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  AtomicFile out(file);
  out.write(text);
  out.commit();
}

int run_report(const Context& context, const Arguments& arguments) {
  const std::string about_metric =
      fmt::format("a metric to show, repeatable; the first is the headline. Default: {}, or another one where no result has it",
                  default_metric);
  po::options_description options("options");
  options.add_options()("results", po::value<std::vector<std::string>>(), "results (.h5), or folders of results")(
      "format", po::value<std::string>()->default_value("markdown"), "markdown, csv or json")(
      "modalities", "in Markdown: a column of each modality after training")(
      "metric", po::value<std::vector<std::string>>()->composing(), about_metric.c_str())(
      "out", po::value<std::string>(), "folder: write report.md, report.csv and report.json there too");
  po::positional_options_description positions;
  positions.add("results", -1);
  const auto values = parse_arguments(report_command, arguments, options, positions);
  if (!values) return 0;
  if (values->count("results") == 0)
    throw UsageError(Fault{"sam3lab report", "no results given", "", "", "usage: sam3lab report RESULTS..."});
  const auto format = context.json ? std::string("json") : (*values)["format"].as<std::string>();
  if (format != "markdown" && format != "csv" && format != "json")
    throw UsageError(Fault{"--format", "unknown format", format, "markdown, csv or json", ""});
  const auto runs = read_all((*values)["results"].as<std::vector<std::string>>());
  const Comparison comparison = compare(runs, asked_metrics(*values, runs));
  for (const std::string& warning : comparison.warnings) std::cerr << "warning: " << warning << "\n";
  for (const auto& [file, why] : comparison.excluded) std::cerr << "left out: " << file << ": " << why << "\n";
  const std::string markdown = comparison_markdown(comparison, values->count("modalities") != 0);
  if (values->count("out") != 0) {
    const std::filesystem::path folder = (*values)["out"].as<std::string>();
    std::filesystem::create_directories(folder);
    write_text(folder / "report.md", markdown);
    write_text(folder / "report.csv", comparison_csv(comparison));
    write_text(folder / "report.json", comparison_json(comparison));
  }
  std::cout << (format == "markdown" ? markdown : format == "csv" ? comparison_csv(comparison) : comparison_json(comparison));
  return 0;
}

}  // namespace

extern const Command report_command = {
    "report", "one table of many results",
    "report RESULTS... [--format markdown|csv|json] [--metric NAME]... [--modalities] [--out DIR]", run_report};

}  // namespace sam3lab
