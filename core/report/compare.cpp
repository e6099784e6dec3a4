#include "core/report/compare.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/toml_text.h"
#include "core/report/markdown.h"
#include "core/report/metric_text.h"

namespace sam3lab {
namespace {

using Settings = std::map<std::string, std::string>;

// As TOML writes it, whole: two long lists that begin alike are two settings.
std::string setting_text(const Value& value) {
  const auto* list = std::get_if<std::vector<Value>>(&value.data);
  if (list == nullptr) {
    const auto* text = std::get_if<std::string>(&value.data);
    return text != nullptr ? format_value(*text) : show(value);
  }
  std::vector<std::string> items;
  for (const Value& item : *list) items.push_back(setting_text(item));
  return "[" + join(items) + "]";
}

Settings settings_of(const RunRecord& record, const std::string& file) {
  Tree tree;
  std::vector<Fault> faults;
  if (!parse_toml(record.resolved_toml, file, {}, tree, faults) || !faults.empty())
    throw DataError(Fault{file, "the experiment in it cannot be read", "", "TOML", ""});
  Settings settings;
  for (const auto& [path, leaf] : tree.leaves) {
    if (path.front() == "name" || path.front() == "seeds" || path.front() == "record") continue;
    settings[dotted(path)] = setting_text(leaf.value);
  }
  const auto sources = record.code_version.find("sources ");
  settings["(code)"] = sources == std::string::npos ? record.code_version : record.code_version.substr(sources + 8);
  settings["(start weights)"] = record.checkpoint_sha256.empty() ? "random" : record.checkpoint_sha256.substr(0, 8);
  for (const char* key : {"device", "limit"}) {
    const auto found = record.environment.find(key);
    if (found != record.environment.end()) settings[std::string("(") + key + ")"] = found->second;
  }
  if (const auto variant = record.environment.find("cell/variant"); variant != record.environment.end())
    settings["variant"] = variant->second;
  return settings;
}

// The table's `use` that a key belongs to: "loss.box.use" of "loss.box.giou"; empty at the top.
std::string use_of(const std::string& key) {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot) + ".use";
}

std::string setting_of(const Settings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? "" : found->second;
}

// Does the value of `key` follow from that of `by` in every run?
bool follows(const std::vector<RunStatistics>& runs, const std::string& key, const std::string& by) {
  Settings value_by;
  for (const RunStatistics& run : runs) {
    const auto value = setting_of(run.settings, key);
    if (value_by.try_emplace(setting_of(run.settings, by), value).first->second != value) return false;
  }
  return true;
}

std::vector<std::string> differing_keys(const std::vector<RunStatistics>& runs) {
  std::map<std::string, std::set<std::string>> values;
  for (const RunStatistics& run : runs) {
    for (const auto& [key, value] : run.settings) values[key].insert(value);
  }
  std::set<std::string> differing;
  for (auto& [key, different] : values) {
    const bool everywhere =
        std::ranges::all_of(runs, [&k = key](const RunStatistics& run) { return run.settings.contains(k); });
    if (different.size() > 1 || !everywhere) differing.insert(key);
  }
  std::vector<std::string> keys;
  for (const std::string& key : differing) {
    const auto explained = [&](const std::string& by) { return by != key && differing.contains(by) && follows(runs, key, by); };
    if (!explained(use_of(key)) && !explained("variant")) keys.push_back(key);
  }
  return keys;
}

// Files of one name that hold different bytes make different cells.
void tell_data_apart(std::vector<RunStatistics>& runs) {
  std::map<std::string, std::set<std::string>> hashes;
  for (const RunStatistics& run : runs) {
    for (const auto& [dataset, hash] : run.data) hashes[dataset].insert(hash);
  }
  for (RunStatistics& run : runs) {
    for (const auto& [dataset, hash] : run.data) {
      if (hashes[dataset].size() > 1) run.settings["(data of " + dataset + ")"] = hash.substr(0, 8);
    }
  }
}

// Numbers by size, before texts.
bool value_less(const std::string& a, const std::string& b) {
  const auto key = [](const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    const bool is_number = !text.empty() && end == text.c_str() + text.size() && !std::isnan(value);
    return std::tuple(is_number ? 0 : 1, is_number ? value : 0.0, text);
  };
  return key(a) < key(b);
}

void sort_cells(Comparison& comparison) {
  std::ranges::stable_sort(comparison.cells, [&](const ComparedCell& a, const ComparedCell& b) {
    if (a.protocol != b.protocol) return a.protocol < b.protocol;
    for (const std::string& key : comparison.keys) {
      const auto left = setting_of(a.settings, key), right = setting_of(b.settings, key);
      if (left != right) return value_less(left, right);
    }
    return false;
  });
}

void warn(Comparison& comparison, const std::vector<RunStatistics>& runs) {
  if (comparison.protocols.size() > 1) {
    comparison.warnings.push_back(
        fmt::format("{} PROTOCOLS: scores of different protocols are not comparable, and no mean is taken over them",
                    comparison.protocols.size()));
  }
  const auto limited = std::ranges::count_if(runs, [](const RunStatistics& run) { return run.settings.contains("(limit)"); });
  if (limited > 0) {
    comparison.warnings.push_back(
        fmt::format("NOT FOR REPORTING: {} of {} runs were evaluated on a part of the data (--limit)", limited, runs.size()));
  }
  if (std::ranges::any_of(comparison.cells, [&](const ComparedCell& c) { return c.seeds != comparison.cells.front().seeds; }))
    comparison.warnings.push_back("cells rest on different seeds: their means are not paired");
  for (const ComparedCell& cell : comparison.cells) {
    if (std::ranges::adjacent_find(cell.seeds) == cell.seeds.end()) continue;
    comparison.warnings.push_back("a cell has one seed twice, on other splits or plugins: its spread is not over seeds");
    break;
  }
  for (const char* key : {"(code)", "(device)"}) {
    if (std::ranges::find(comparison.keys, key) != comparison.keys.end())
      comparison.warnings.push_back(fmt::format("runs differ in {}: times and memory are not comparable across it", key));
  }
}

// The runs that count, by seed; the others are said.
std::vector<RunStatistics> usable(const std::vector<RunStatistics>& all, Comparison& comparison) {
  std::vector<RunStatistics> runs;
  std::map<std::string, std::string> first;  // identity -> file
  for (const RunStatistics& run : all) {
    if (!run.finished) {
      comparison.excluded.emplace_back(run.file, "not finished");
    } else if (!first.try_emplace(run.identity, run.file).second) {
      comparison.excluded.emplace_back(run.file, "the same run as " + first[run.identity]);
    } else {
      runs.push_back(run);
    }
  }
  std::ranges::stable_sort(runs, {}, &RunStatistics::seed);
  return runs;
}

ComparedCell cell_of(const std::vector<const RunStatistics*>& members, const Comparison& comparison) {
  ComparedCell cell;
  cell.protocol = members.front()->protocol;
  for (const std::string& name : comparison.keys) {
    const auto found = members.front()->settings.find(name);
    if (found != members.front()->settings.end()) cell.settings.insert(*found);
  }
  for (const RunStatistics* run : members) {
    cell.seeds.push_back(run->seed);
    cell.files.push_back(run->file);
  }
  for (const Quantity& quantity : comparison.quantities) {
    std::vector<double> values;
    for (const RunStatistics* run : members) {
      if (const auto found = run->values.find(quantity.key); found != run->values.end()) values.push_back(found->second);
    }
    cell.values.push_back(spread_of(values));
  }
  return cell;
}

// Which metrics have columns; see compare().
std::vector<ShownMetric> choose_metrics(const std::vector<RunStatistics>& runs, const std::vector<std::string>& asked,
                                        Comparison& comparison) {
  std::map<std::string, ShownMetric> all;
  for (const RunStatistics& run : runs) {
    for (const auto& [name, metric] : run.metrics) {
      const auto [known, is_new] = all.emplace(name, metric);
      if (is_new || known->second.info == metric.info) continue;
      comparison.warnings.push_back(
          fmt::format("runs define metric '{}' in different ways: its values are not comparable", name));
    }
  }
  std::ranges::sort(comparison.warnings);
  const auto twice = std::ranges::unique(comparison.warnings);
  comparison.warnings.erase(twice.begin(), twice.end());
  std::vector<ShownMetric> shown;
  const auto show = [&](const std::string& name) {
    if (all.contains(name) && std::ranges::find(shown, name, &ShownMetric::name) == shown.end()) shown.push_back(all.at(name));
  };
  for (const std::string& name : asked) show(name);
  if (shown.empty() && !all.empty()) show(all.begin()->first);
  for (const auto& [name, metric] : all) {
    const MetricInfo& headline = shown.front().info;
    if (metric.info.unit != headline.unit || metric.info.higher_is_better != headline.higher_is_better) show(name);
  }
  for (const RunStatistics& run : runs) {
    const bool any = std::ranges::any_of(shown, [&](const ShownMetric& metric) { return run.metrics.contains(metric.name); });
    if (!any && !run.metrics.empty()) show(run.metrics.begin()->first);
  }
  return shown;
}

constexpr std::array metric_stages = {std::pair("internal_before", "before"), std::pair("internal_after", "after"),
                                      std::pair("external_before", "external before"),
                                      std::pair("external_after", "external after")};

std::vector<Quantity> quantities_of(const std::vector<ShownMetric>& metrics, const std::set<std::string>& modalities) {
  std::vector<Quantity> quantities = {{"trainable_parameters", "trainable_parameters", "trainable", 1, 0}};
  const auto of_metric = [](const ShownMetric& metric, bool headline) {
    std::vector<Quantity> all;
    for (const auto& [key, what] : metric_stages) {
      // The headline's external columns have always been called by their role alone.
      const bool bare = headline && std::string_view(what).starts_with("external") && metric.info.unit.empty();
      all.push_back({metric.name + "/" + key, (headline ? "" : metric.name + "_") + key,
                     bare ? what : metric_heading(metric, what), 1, metric_digits(metric.info)});
    }
    return all;
  };
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    for (Quantity& quantity : of_metric(metrics[m], m == 0)) quantities.push_back(std::move(quantity));
  }
  for (const Quantity& cost : std::initializer_list<Quantity>{{"off_prompt_rate", "off_prompt_rate", "off-prompt %", 0.01, 1},
                                                              {"train_seconds", "train_seconds", "train s", 1, 1},
                                                              {"run_seconds", "run_seconds", "run s", 1, 1},
                                                              {"peak_memory_mib", "peak_memory_mib", "peak MiB", 1, 0},
                                                              {"device_memory_mib", "device_memory_mib", "device MiB", 1, 0},
                                                              {"flops", "flops", "TFLOP", 1e12, -3},
                                                              {"joules", "joules", "joules", 1, 0}})
    quantities.push_back(cost);
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    const ShownMetric& metric = metrics[m];
    for (const std::string& modality : modalities) {
      quantities.push_back(
          {metric.name + "/modality/" + modality, metric.name + "_after/" + modality,
           m == 0 ? printable(modality) + " after" : printable(modality) + " " + metric_heading(metric, "after"), 1,
           metric_digits(metric.info), m == 0 ? modality : metric.name + "/" + modality});
    }
  }
  return quantities;
}

}  // namespace

RunStatistics statistics_of(const RunRecord& record, const std::string& file) {
  const Summary summary = summarise(record);
  RunStatistics run;
  run.file = file;
  run.identity = record.identity;
  run.protocol = record.protocol;
  run.caveat = summary.caveat;
  run.external_caveat = summary.external_caveat;
  run.seed = record.seed;
  run.finished = record.finished;
  run.settings = settings_of(record, file);
  for (const auto& [name, dataset] : record.datasets) {
    std::string all;
    for (const auto& [path, hash] : dataset.file_sha256) all += hash + "\n";
    run.data[name] = sha256(all);
  }
  const auto set = [&run](const std::string& key, const Statistic& value) {
    if (value && std::isfinite(*value)) run.values[key] = *value;
  };
  for (const ShownMetric& metric : summary.metrics) {
    run.metrics[metric.name] = metric;
    const std::string of = metric.name + "/";
    set(of + "internal_before", value_in(summary.internal.before.metrics, metric.name));
    set(of + "internal_after", value_in(summary.internal.after.metrics, metric.name));
    set(of + "external_before", value_in(summary.external.before.metrics, metric.name));
    set(of + "external_after", value_in(summary.external.after.metrics, metric.name));
    for (const auto& [modality, means] : summary.modalities) {
      const Statistic after = value_in(means.after, metric.name);
      set(of + "modality/" + modality, after);
      if (after) run.modalities.insert(modality);
    }
  }
  set("trainable_parameters", static_cast<double>(record.trainable_parameters));
  set("off_prompt_rate", summary.internal.after.off_prompt_rate);
  set("run_seconds", summary.seconds);
  if (record.steps.empty()) return run;
  set("train_seconds", summary.cost.step_seconds);
  set("peak_memory_mib", summary.cost.peak_memory_mib);
  set("device_memory_mib", summary.cost.device_memory_mib);
  set("flops", summary.cost.flops);
  set("joules", summary.cost.joules);
  return run;
}

Spread spread_of(const std::vector<double>& values) {
  Spread spread{values.size(), std::nullopt, std::nullopt};
  if (values.empty()) return spread;
  const auto n = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double value : values) sum += value;
  spread.mean = sum / n;
  if (values.size() < 2) return spread;
  double squares = 0.0;
  for (const double value : values) squares += (value - *spread.mean) * (value - *spread.mean);
  spread.deviation = std::sqrt(squares / (n - 1.0));
  return spread;
}

Comparison compare(const std::vector<RunStatistics>& all, const std::vector<std::string>& metrics) {
  Comparison comparison;
  std::vector<RunStatistics> runs = usable(all, comparison);
  tell_data_apart(runs);
  comparison.keys = differing_keys(runs);
  std::map<std::pair<std::string, Settings>, std::vector<const RunStatistics*>> groups;
  std::set<std::string> protocols, modalities;
  for (const RunStatistics& run : runs) {
    groups[{run.protocol, run.settings}].push_back(&run);
    protocols.insert(run.protocol);
    modalities.insert(run.modalities.begin(), run.modalities.end());
    comparison.caveats.insert(run.caveat);
    if (!run.external_caveat.empty()) comparison.external_caveats.insert(run.external_caveat);
  }
  comparison.protocols.assign(protocols.begin(), protocols.end());
  comparison.metrics = choose_metrics(runs, metrics, comparison);
  comparison.quantities = quantities_of(comparison.metrics, modalities);
  for (const auto& [key, members] : groups) comparison.cells.push_back(cell_of(members, comparison));
  sort_cells(comparison);
  warn(comparison, runs);
  return comparison;
}

}  // namespace sam3lab
