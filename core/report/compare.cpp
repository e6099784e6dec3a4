#include "core/report/compare.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/config/toml_text.h"
#include "core/record/summary.h"

namespace sam3lab {
namespace {

using nlohmann::json;
using Settings = std::map<std::string, std::string>;

std::optional<double> optional_number(const json& value) {
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

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

struct Training {
  double seconds = 0.0, peak_memory_mib = 0.0, device_memory_mib = 0.0, flops = 0.0, joules = 0.0;
};

// Sums of the steps; joules are NaN as soon as one step has none.
Training training_of(const RunRecord& record) {
  Training sum;
  for (const StepRow& step : record.steps) {
    sum.seconds += step.seconds;
    sum.flops += step.flops;
    sum.joules += step.joules;
    sum.peak_memory_mib = std::max(sum.peak_memory_mib, step.peak_memory_mib);
    sum.device_memory_mib = std::max(sum.device_memory_mib, step.device_memory_mib);
  }
  return sum;
}

// The table's `use` that a key belongs to: "loss.box.use" of "loss.box.giou"; empty at the top.
std::string use_of(const std::string& key) {
  const auto dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot) + ".use";
}

std::string value_in(const Settings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? "" : found->second;
}

// Does the value of `key` follow from that of `by` in every run?
bool follows(const std::vector<RunFigures>& runs, const std::string& key, const std::string& by) {
  Settings value_by;
  for (const RunFigures& run : runs) {
    const auto value = value_in(run.settings, key);
    if (value_by.try_emplace(value_in(run.settings, by), value).first->second != value) return false;
  }
  return true;
}

std::vector<std::string> differing_keys(const std::vector<RunFigures>& runs) {
  std::map<std::string, std::set<std::string>> values;
  for (const RunFigures& run : runs) {
    for (const auto& [key, value] : run.settings) values[key].insert(value);
  }
  std::set<std::string> differing;
  for (auto& [key, different] : values) {
    const bool everywhere = std::ranges::all_of(runs, [&k = key](const RunFigures& run) { return run.settings.contains(k); });
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
void tell_data_apart(std::vector<RunFigures>& runs) {
  std::map<std::string, std::set<std::string>> hashes;
  for (const RunFigures& run : runs) {
    for (const auto& [dataset, hash] : run.data) hashes[dataset].insert(hash);
  }
  for (RunFigures& run : runs) {
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
      const auto left = value_in(a.settings, key), right = value_in(b.settings, key);
      if (left != right) return value_less(left, right);
    }
    return false;
  });
}

void warn(Comparison& comparison, const std::vector<RunFigures>& runs) {
  if (comparison.protocols.size() > 1) {
    comparison.warnings.push_back(
        fmt::format("{} PROTOCOLS: figures of different protocols are not comparable, and no mean is taken over them",
                    comparison.protocols.size()));
  }
  const auto limited = std::ranges::count_if(runs, [](const RunFigures& run) { return run.settings.contains("(limit)"); });
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
std::vector<RunFigures> usable(const std::vector<RunFigures>& all, Comparison& comparison) {
  std::vector<RunFigures> runs;
  std::map<std::string, std::string> first;  // identity -> file
  for (const RunFigures& run : all) {
    if (!run.finished) {
      comparison.excluded.emplace_back(run.file, "not finished");
    } else if (!first.try_emplace(run.identity, run.file).second) {
      comparison.excluded.emplace_back(run.file, "the same run as " + first[run.identity]);
    } else {
      runs.push_back(run);
    }
  }
  std::ranges::stable_sort(runs, {}, &RunFigures::seed);
  return runs;
}

ComparedCell cell_of(const std::vector<const RunFigures*>& members, const Comparison& comparison) {
  ComparedCell cell;
  cell.protocol = members.front()->protocol;
  for (const std::string& name : comparison.keys) {
    const auto found = members.front()->settings.find(name);
    if (found != members.front()->settings.end()) cell.settings.insert(*found);
  }
  for (const RunFigures* run : members) {
    cell.seeds.push_back(run->seed);
    cell.files.push_back(run->file);
  }
  for (std::size_t f = 0; f < figure_names.size(); ++f) {
    std::vector<double> values;
    for (const RunFigures* run : members) {
      if (run->figures[f]) values.push_back(*run->figures[f]);
    }
    cell.figures[f] = spread_of(values);
  }
  for (const std::string& modality : comparison.modalities) {
    std::vector<double> values;
    for (const RunFigures* run : members) {
      if (const auto dice = run->modalities.find(modality); dice != run->modalities.end()) values.push_back(dice->second);
    }
    cell.modalities[modality] = spread_of(values);
  }
  return cell;
}

}  // namespace

RunFigures figures_of(const RunRecord& record, const std::string& file) {
  RunFigures run{file, record.identity, record.protocol, record.seed, record.finished, settings_of(record, file), {}, {}, {}};
  for (const auto& [name, dataset] : record.datasets) {
    std::string all;
    for (const auto& [path, hash] : dataset.file_sha256) all += hash + "\n";
    run.data[name] = sha256(all);
  }
  const auto set = [&run](Figure figure, std::optional<double> value) {
    if (value && std::isfinite(*value)) run.figures[static_cast<std::size_t>(figure)] = value;
  };
  const json summary = summarise(record);
  set(Figure::trainable_parameters, static_cast<double>(record.trainable_parameters));
  set(Figure::internal_before, optional_number(summary["internal"]["before"]["dice"]));
  set(Figure::internal_after, optional_number(summary["internal"]["after"]["dice"]));
  set(Figure::external_before, optional_number(summary["external"]["before"]["dice"]));
  set(Figure::external_after, optional_number(summary["external"]["after"]["dice"]));
  set(Figure::off_prompt_rate, optional_number(summary["internal"]["after"]["off_prompt_rate"]));
  set(Figure::run_seconds, optional_number(summary["seconds"]));
  for (const auto& [modality, means] : summary["per_modality"].items()) {
    if (const auto dice = optional_number(means["after"])) run.modalities[modality] = *dice;
  }
  if (record.steps.empty()) return run;
  const Training training = training_of(record);
  set(Figure::train_seconds, training.seconds);
  set(Figure::peak_memory_mib, training.peak_memory_mib);
  if (training.device_memory_mib > 0.0) set(Figure::device_memory_mib, training.device_memory_mib);
  if (training.flops > 0.0) set(Figure::flops, training.flops);
  set(Figure::joules, training.joules);
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

Comparison compare(const std::vector<RunFigures>& all) {
  Comparison comparison;
  std::vector<RunFigures> runs = usable(all, comparison);
  tell_data_apart(runs);
  comparison.keys = differing_keys(runs);
  std::map<std::pair<std::string, Settings>, std::vector<const RunFigures*>> groups;
  std::set<std::string> protocols, modalities;
  for (const RunFigures& run : runs) {
    groups[{run.protocol, run.settings}].push_back(&run);
    protocols.insert(run.protocol);
    for (const auto& [modality, dice] : run.modalities) modalities.insert(modality);
  }
  comparison.protocols.assign(protocols.begin(), protocols.end());
  comparison.modalities.assign(modalities.begin(), modalities.end());
  for (const auto& [key, members] : groups) comparison.cells.push_back(cell_of(members, comparison));
  sort_cells(comparison);
  warn(comparison, runs);
  return comparison;
}

}  // namespace sam3lab
