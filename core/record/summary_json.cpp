// A summary as JSON. The headline has short keys ("before", "after"), other metrics their name before them ("iou_after"). A
// fixed key wins over a metric of the same name.
#include <cmath>

#include "core/record/layout.h"
#include "core/record/summary.h"

namespace sam3lab {
namespace {

using nlohmann::json;

json value_or_null(const Statistic& value) { return value ? json(*value) : json(nullptr); }
json finite_or_null(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json info_json(const MetricInfo& info) {
  return {{"unit", info.unit},
          {"higher_is_better", info.higher_is_better},
          {"lowest", finite_or_null(info.lowest)},
          {"highest", finite_or_null(info.highest)},
          {"scope", to_text(info.scope)},
          {"aggregate", to_text(info.aggregate)},
          {"undefined_counts", value_or_null(info.undefined_counts)},
          {"empty_rule", info.empty_rule},
          {"definition", info.definition}};
}

class Writer {
 public:
  explicit Writer(const std::vector<ShownMetric>& metrics) : metrics_(metrics) {}

  [[nodiscard]] json stage(const StageSummary& stage) const {
    json out = json::object();
    for (const ShownMetric& metric : metrics_) {
      out[metric.name] = value_or_null(value_in(stage.metrics, metric.name));
      if (!metric.full) continue;
      for (const std::string_view suffix : {layout::ungated_suffix, layout::merged_suffix}) {
        const std::string column = metric.name + std::string(suffix);
        out[column] = value_or_null(value_in(stage.metrics, column));
      }
    }
    if (!stage.undefined.empty()) out["undefined"] = stage.undefined;
    out["n"] = stage.n;
    out["prompts"] = stage.prompts;
    out["off_prompt_n"] = stage.off_prompt_n;
    out["off_prompt_rate"] = value_or_null(stage.off_prompt_rate);
    return out;
  }
  [[nodiscard]] json stages(const BeforeAfter& both) const {
    return {{"before", stage(both.before)}, {"after", stage(both.after)}};
  }
  [[nodiscard]] json prompts(const PromptSummaries& prompts) const {
    json out = json::object();
    for (const auto& [name, prompt] : prompts) {
      json entry = json::object();
      put("before", prompt.before, false, entry);
      put("after", prompt.after, true, entry);
      entry["n"] = prompt.n;
      entry["missed"] = prompt.missed;
      entry["modality"] = prompt.modality;
      entry["prompt"] = prompt.text;
      out[name] = std::move(entry);
    }
    return out;
  }
  [[nodiscard]] json modalities(const std::map<std::string, ModalitySummary>& modalities) const {
    json out = json::object();
    for (const auto& [name, modality] : modalities) {
      json entry = json::object();
      put("before", modality.before, false, entry);
      put("after", modality.after, false, entry);
      entry["n"] = modality.n;
      entry["prompts"] = modality.prompts;
      out[name] = std::move(entry);
    }
    return out;
  }
  [[nodiscard]] json datasets(const std::map<std::string, DatasetSummary>& datasets) const {
    json out = json::object();
    for (const auto& [name, dataset] : datasets) {
      json entry = stages(dataset.stages);
      entry["role"] = dataset.role;
      entry["modality"] = dataset.modality;
      entry["caveat"] = dataset.caveat;
      entry["prompts"] = prompts(dataset.prompts);
      const Subjects& subjects = dataset.subjects;
      if (subjects.known) {
        entry["split_mode"] = subjects.mode;
        entry["subjects"] = {{"train", subjects.train}, {"held_out", subjects.held_out}, {"shared", subjects.shared}};
      }
      out[name] = std::move(entry);
    }
    return out;
  }
  [[nodiscard]] json shuffled(const ShuffledSummary& shuffled) const {
    json out = json::object();
    put("after", shuffled.own, false, out);
    put("shuffled", shuffled.exchanged, false, out);
    out["n"] = shuffled.n;
    return out;
  }

 private:
  // The headline's under `key`, others under "NAME_key"; those that are not shown in full only if `all`.
  void put(const std::string& key, const Statistics& statistics, bool all, json& into) const {
    for (const ShownMetric& metric : metrics_) {
      if (!metric.full && !all) continue;
      const bool headline = &metric == &metrics_.front();
      into[headline ? key : metric.name + "_" + key] = value_or_null(value_in(statistics, metric.name));
    }
  }

  const std::vector<ShownMetric>& metrics_;
};

json cost_json(const CostSummary& cost) {
  return {{"steps", cost.steps},
          {"step_seconds", cost.step_seconds},
          {"joules", value_or_null(cost.joules)},
          {"flops", value_or_null(cost.flops)},
          {"peak_memory_mib", value_or_null(cost.peak_memory_mib)},
          {"device_memory_mib", value_or_null(cost.device_memory_mib)},
          {"parameters", cost.parameters},
          {"trainable_parameters", cost.trainable_parameters}};
}

}  // namespace

json to_json(const Summary& summary) {
  const Writer writer(summary.metrics);
  json metrics = json::object();
  for (const ShownMetric& metric : summary.metrics) metrics[metric.name] = info_json(metric.info);
  return {{"name", summary.name},
          {"identity", summary.identity},
          {"seed", summary.seed},
          {"finished", summary.finished},
          {"caveat", summary.caveat},
          {"external_caveat", summary.external_caveat.empty() ? json(nullptr) : json(summary.external_caveat)},
          {"protocol", summary.protocol},
          {"headline", summary.metrics.empty() ? json(nullptr) : json(summary.headline())},
          {"metrics", std::move(metrics)},
          {"seconds", value_or_null(summary.seconds)},
          {"cost", cost_json(summary.cost)},
          {"internal", writer.stages(summary.internal)},
          {"external", writer.stages(summary.external)},
          {"per_modality", writer.modalities(summary.modalities)},
          {"prompts", writer.prompts(summary.prompts)},
          {"shuffled_prompts", writer.shuffled(summary.shuffled)},
          {"per_dataset", writer.datasets(summary.datasets)}};
}

}  // namespace sam3lab
