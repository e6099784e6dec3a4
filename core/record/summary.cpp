#include "core/record/summary.h"

#include <algorithm>
#include <set>

#include "core/record/caveat.h"
#include "core/record/statistics.h"

namespace sam3lab {
namespace {

using nlohmann::json;

json value_or_null(const std::optional<double>& value) { return value ? json(*value) : json(nullptr); }

std::size_t samples(const ByPrompt& prompts) {
  std::size_t n = 0;
  for (const auto& [key, rows] : prompts) n += rows.size();
  return n;
}

json figures(const std::vector<Scored>& rows) {
  const ByPrompt prompts = by_prompt(rows);
  const OffPrompt off = off_prompt(rows);
  json out = {{"n", samples(prompts)}, {"prompts", prompts.size()}, {"off_prompt_n", off.n}};
  for (const char* metric : {"dice", "iou", "dice_ungated", "dice_merged"})
    out[metric] = value_or_null(macro_of(prompts, metric));
  out["off_prompt_rate"] = off.n == 0 ? json(nullptr) : json(static_cast<double>(off.fired) / static_cast<double>(off.n));
  return out;
}

json before_and_after(const RunRecord& record, const std::string& role) {
  return {{"before", figures(rows_of(record, "before", role))}, {"after", figures(rows_of(record, "after", role))}};
}

// Texts that more than one modality asks for: their modality must tell them apart.
std::set<std::string> shared_texts(const std::set<PromptKey>& keys) {
  std::map<std::string, std::size_t> modalities;
  for (const PromptKey& key : keys) ++modalities[key.text];
  std::set<std::string> shared;
  for (const auto& [text, count] : modalities) {
    if (count > 1) shared.insert(text);
  }
  return shared;
}

// Before and after of every prompt that has a sample with a truth.
json prompt_figures(const std::vector<Scored>& before_rows, const std::vector<Scored>& after_rows) {
  ByPrompt before = by_prompt(before_rows), after = by_prompt(after_rows);
  std::set<PromptKey> keys;
  for (const auto& [key, rows] : before) keys.insert(key);
  for (const auto& [key, rows] : after) keys.insert(key);
  const std::set<std::string> shared = shared_texts(keys);
  json out = json::object();
  for (const PromptKey& key : keys) {
    const auto& last = after.contains(key) ? after[key] : before[key];
    std::size_t missed = 0;
    for (const ScoreRow* row : last) missed += row->fired ? 0 : 1;
    const std::string name = shared.contains(key.text) ? key.text + " (" + key.modality + ")" : key.text;
    out[name] = {{"n", last.size()},
                 {"before", value_or_null(mean_of(before[key], "dice"))},
                 {"after", value_or_null(mean_of(after[key], "dice"))},
                 {"iou_after", value_or_null(mean_of(after[key], "iou"))},
                 {"missed", missed},
                 {"modality", key.modality},
                 {"prompt", key.text}};
  }
  return out;
}

json modality_figures(const RunRecord& record) {
  std::map<std::string, std::pair<std::vector<Scored>, std::vector<Scored>>> rows;
  for (const Scored& scored : rows_of(record, "before", "internal")) rows[scored.modality].first.push_back(scored);
  for (const Scored& scored : rows_of(record, "after", "internal")) rows[scored.modality].second.push_back(scored);
  json out = json::object();
  for (const auto& [modality, stages] : rows) {
    const ByPrompt before = by_prompt(stages.first), after = by_prompt(stages.second);
    const ByPrompt& last = after.empty() ? before : after;
    out[modality] = {{"n", samples(last)},
                     {"prompts", last.size()},
                     {"before", value_or_null(macro_of(before, "dice"))},
                     {"after", value_or_null(macro_of(after, "dice"))}};
  }
  return out;
}

json dataset_figures(const RunRecord& record) {
  json out = json::object();
  for (const auto& [name, dataset] : record.datasets) {
    RunRecord alone;
    alone.datasets[name] = dataset;
    json entry = before_and_after(alone, "");
    entry["role"] = dataset.role;
    entry["modality"] = dataset.modality;
    entry["caveat"] = caveat_of_dataset(record, name);
    entry["prompts"] = prompt_figures(rows_of(alone, "before", ""), rows_of(alone, "after", ""));
    out[name] = std::move(entry);
  }
  return out;
}

json shuffled_figures(const RunRecord& record) {
  const Shuffled shuffled = shuffled_of(record);
  return {{"n", shuffled.n},
          {"after", value_or_null(macro_of(shuffled.own, "dice"))},
          {"shuffled", value_or_null(macro_of(shuffled.exchanged, "dice"))}};
}

// What the run took: sums over its steps, and its peaks. Null where the machine did not tell.
json cost_figures(const RunRecord& record) {
  double seconds = 0.0, joules = 0.0, flops = 0.0, host = 0.0, device = 0.0;
  for (const StepRow& step : record.steps) {
    seconds += step.seconds;
    joules += step.joules;
    flops += step.flops;
    host = std::max(host, step.peak_memory_mib);
    device = std::max(device, step.device_memory_mib);
  }
  const auto known = [](double value) { return value > 0.0 ? json(value) : json(nullptr); };
  return {{"steps", record.steps.size()},    {"step_seconds", seconds},
          {"joules", known(joules)},         {"flops", known(flops)},
          {"peak_memory_mib", known(host)},  {"device_memory_mib", known(device)},
          {"parameters", record.parameters}, {"trainable_parameters", record.trainable_parameters}};
}

}  // namespace

json summarise(const RunRecord& record) {
  const auto total = record.seconds.find("total");
  return {{"name", record.name},
          {"identity", record.identity},
          {"seed", record.seed},
          {"finished", record.finished},
          {"caveat", caveat_of_role(record, "internal")},
          {"protocol", record.protocol},
          {"seconds", total == record.seconds.end() ? json(nullptr) : json(total->second)},
          {"cost", cost_figures(record)},
          {"internal", before_and_after(record, "internal")},
          {"external", before_and_after(record, "external")},
          {"per_modality", modality_figures(record)},
          {"prompts", prompt_figures(rows_of(record, "before", "internal"), rows_of(record, "after", "internal"))},
          {"shuffled_prompts", shuffled_figures(record)},
          {"per_dataset", dataset_figures(record)}};
}

}  // namespace sam3lab
