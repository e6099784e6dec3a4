// Many results side by side: what their experiments differ in, and mean and spread over the seeds of each metric and cost.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/record/summary.h"

namespace sam3lab {

// One result, reduced to what a comparison needs. `settings`: dotted key of the resolved experiment -> value as TOML, without
// name, seeds and [record]; under names in brackets, what else makes runs different: "(code)", "(start weights)", "(device)",
// "(limit)".
struct RunStatistics {
  std::string file, identity, protocol, caveat, external_caveat;  // caveats as in Summary
  std::int64_t seed = 0;
  bool finished = false;
  std::map<std::string, std::string> settings;
  std::map<std::string, std::string> data;     // dataset -> hash of its files
  std::map<std::string, ShownMetric> metrics;  // by name
  std::set<std::string> modalities;            // internal
  // Finite values alone. Costs under the name of their Quantity; of a metric NAME: "NAME/internal_before",
  // "NAME/internal_after", "NAME/external_before", "NAME/external_after", "NAME/modality/MODALITY" (internal, after training).
  std::map<std::string, double> values;
};
// DataError where the resolved experiment in the result is no TOML.
RunStatistics statistics_of(const RunRecord& record, const std::string& file);

// What is compared: a column. `key`: in RunStatistics::values; `name`: in CSV and JSON, where the headline metric's have no
// metric in them ("internal_after"), those of others do ("NAME_internal_after").
struct Quantity {
  std::string key, name, heading;
  double divisor = 1.0;
  int digits = 3;             // behind the point; negative: significant digits
  std::string modality = "";  // set: shown where modalities are asked for, and named by it in JSON
};

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
  std::vector<Spread> values;  // of Comparison::quantities, in order
};

struct Comparison {
  std::vector<std::string> keys;       // in which cells differ; options that follow from a table's `use` are left out
  std::vector<ShownMetric> metrics;    // that have columns: the headline first
  std::vector<Quantity> quantities;    // those of modalities last
  std::vector<std::string> protocols;  // all different texts: values of two of them are never put together
  std::set<std::string> caveats, external_caveats;
  std::vector<ComparedCell> cells;
  std::vector<std::pair<std::string, std::string>> excluded;  // file, why
  std::vector<std::string> warnings;                          // what a reader must know first
};
// Results that are not finished, and second copies of one run, are excluded. `metrics`: those to show, the headline first;
// those that no run has are left out. Besides, a metric of another unit or direction than the headline is shown, and one metric
// of a run that has none of the others.
Comparison compare(const std::vector<RunStatistics>& runs, const std::vector<std::string>& metrics = {});

}  // namespace sam3lab
