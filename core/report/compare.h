// Many results side by side: what their experiments differ in, and each figure's mean and spread over the seeds.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/record/run_record.h"

namespace sam3lab {

// Figures that are compared, in the order of the columns.
enum class Figure : std::size_t {
  trainable_parameters,
  internal_before,  // Dice: macro mean over prompts (summary.h)
  internal_after,
  external_before,
  external_after,
  off_prompt_rate,    // internal, after training
  train_seconds,      // of all steps together
  run_seconds,        // with evaluations and pictures
  peak_memory_mib,    // host
  device_memory_mib,  // nothing without a device
  flops,              // of all steps together
  joules              // the same; nothing where the machine does not tell
};
inline constexpr std::array<std::string_view, 12> figure_names = {
    "trainable_parameters", "internal_before", "internal_after",  "external_before",   "external_after", "off_prompt_rate",
    "train_seconds",        "run_seconds",     "peak_memory_mib", "device_memory_mib", "flops",          "joules"};

// One result, reduced to what a comparison needs. `settings`: dotted key of the resolved experiment -> value as TOML, without
// name, seeds and [record]; under names in brackets, what else makes runs different: "(code)", "(start weights)", "(device)",
// "(limit)".
struct RunFigures {
  std::string file, identity, protocol;
  std::int64_t seed = 0;
  bool finished = false;
  std::map<std::string, std::string> settings;
  std::map<std::string, std::string> data;   // dataset -> hash of its files
  std::map<std::string, double> modalities;  // internal Dice after training
  std::array<std::optional<double>, figure_names.size()> figures;
};
// DataError where the resolved experiment in the result is no TOML.
RunFigures figures_of(const RunRecord& record, const std::string& file);

// Mean, and sample standard deviation (n - 1) from two values on; nothing without values.
struct Spread {
  std::size_t n = 0;
  std::optional<double> mean, deviation;
};
Spread spread_of(const std::vector<double>& values);

// The runs that differ in nothing but their seed.
struct ComparedCell {
  std::map<std::string, std::string> settings;  // the keys of Comparison::keys that it has
  std::string protocol;
  std::vector<std::int64_t> seeds;
  std::vector<std::string> files;
  std::array<Spread, figure_names.size()> figures;
  std::map<std::string, Spread> modalities;
};

struct Comparison {
  std::vector<std::string> keys;  // in which cells differ; options that follow from a table's `use` are left out
  std::vector<std::string> modalities;
  std::vector<std::string> protocols;  // all different texts: figures of two of them are never put together
  std::vector<ComparedCell> cells;
  std::vector<std::pair<std::string, std::string>> excluded;  // file, why
  std::vector<std::string> warnings;                          // what a reader must know first
};
// Results that are not finished, and second copies of one run, are excluded.
Comparison compare(const std::vector<RunFigures>& runs);

}  // namespace sam3lab
