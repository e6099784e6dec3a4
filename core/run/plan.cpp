#include "core/run/plan.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include <ATen/ATen.h>

#include <sam3lab/api/error.h>

#include "core/optim/constant_rate.h"
#include "core/train/group_rows.h"
#include "core/data/open_dataset.h"
#include "core/data/split.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t most_read = 1000;  // images of a dataset that are read to count the empty ones

std::string text_of(const PluginChoice& choice) {
  std::string text = choice.slot + " " + choice.key + " " + choice.use + "\n";
  for (const auto& [name, value] : choice.options) text += name + " = " + format_value(value) + "\n";
  return text;
}

template <class Options>
std::string values_text(Options& options) {
  std::string text;
  options.visit([&text](const char* name, const auto& value, const Limits& = {}) {
    text += std::string(name) + " = " + format_value(detail::to_option(value)) + "\n";
  });
  return text;
}

std::string model_key(const Experiment& experiment) {
  const auto& train = experiment.train;
  return text_of(experiment.backbone) + (train.steps > 0 ? text_of(experiment.scheme) : "") +
         format_value(Numbers{train.learning_rate, train.weight_decay}) + format_value(train.constant_rate);
}

std::string data_key(const Experiment& experiment) {
  auto split = experiment.split;
  std::string text = values_text(split);
  for (const auto& [key, choice] : experiment.datasets) {
    auto common = choice.common;
    text += text_of(choice) + values_text(common);
  }
  for (const auto& [key, choice] : experiment.prompts) text += text_of(choice);
  return text;
}

// Options of `choice` that are paths and lead nowhere.
std::vector<MissingFile> missing_files(const PluginChoice& choice, const Catalogue& catalogue, const std::string& what) {
  std::vector<MissingFile> missing;
  for (const auto& option : catalogue.at(choice.slot).at(choice.use).schema) {
    if (!option.limits.is_path()) continue;
    const auto found = choice.options.find(option.name);
    const auto* path = found == choice.options.end() ? nullptr : std::get_if<std::string>(&found->second);
    std::error_code ignored;
    if (path != nullptr && !path->empty() && !fs::exists(*path, ignored)) missing.push_back({what + ", " + option.name, *path});
  }
  return missing;
}

// For asking a backbone which modules it would cache.
class NoFeatures final : public FeatureStore {
 public:
  [[nodiscard]] std::string digest(const NamedTensors&) const override { return ""; }
  [[nodiscard]] std::vector<at::Tensor> find(const std::string&) override { return {}; }
  void put(const std::string&, const std::vector<at::Tensor>&) override {}
};

ModelPlan plan_model(const Experiment& experiment, const Registry& registry) {
  ModelPlan plan;
  const auto model = registry.make<Backbone>(experiment.backbone);
  for (const auto& [name, tensor] : model->parameters()) plan.parameters += tensor.numel();
  for (const auto& [name, tensor] : model->buffers()) plan.buffers += tensor.numel();
  std::vector<ParameterGroup> groups;
  if (experiment.train.steps > 0) {
    const SchemeInput input{experiment.train.learning_rate, experiment.train.weight_decay, 0, {}};
    auto trainable = registry.make<Scheme>(experiment.scheme)->prepare(*model, input);
    for (const auto& [name, tensor] : trainable.added) plan.added += tensor.numel();
    groups = std::move(trainable.groups);
    name_constant_rates(groups, experiment.train.constant_rate);
  }
  plan.cached = cache_features(*model, std::make_shared<NoFeatures>());
  plan.groups = group_rows(groups);
  plan.frozen = frozen_rows(*model, groups);
  for (const auto& row : plan.groups) plan.trainable += row.parameters;
  if (experiment.train.steps > 0 && plan.trainable == 0) {
    throw UsageError(Fault{experiment.scheme.where, "scheme '" + experiment.scheme.use + "' leaves nothing to train",
                           "train.steps = " + std::to_string(experiment.train.steps), "trainable parameters",
                           "set train.steps = 0 to evaluate only"});
  }
  return plan;
}

// Empty images among `items`: exactly, or from an even sample where there are many.
void count_empty(const Dataset& data, const Split& split, PlannedDataset& planned) {
  std::vector<std::int64_t> items = split.train;
  items.insert(items.end(), split.held_out.begin(), split.held_out.end());
  const auto all = static_cast<std::int64_t>(items.size()), read = std::min(all, most_read);
  std::int64_t empty = 0;
  for (std::int64_t i = 0; i < read; ++i) empty += data.load(items[static_cast<std::size_t>(i * all / read)]).labels.empty();
  planned.empty_estimated = read < all;
  planned.empty = read == 0 ? 0 : empty * all / read;
}

// Labels without a text are a fault of the experiment, whatever else is missing.
void check_texts(const Dataset& data, const DatasetChoice& choice, const std::vector<std::shared_ptr<Prompt>>& prompts,
                 std::vector<Fault>& faults) {
  const auto texts = texts_of_labels(data, choice.common, prompts);
  for (const auto& label : data.labels()) {
    if (!texts.contains(label)) faults.push_back(no_text(choice, label));
  }
}

DataPlan plan_data(const Experiment& experiment, const Registry& registry) {
  DataPlan plan;
  std::vector<std::shared_ptr<Prompt>> prompts;
  for (const auto& [key, choice] : experiment.prompts) prompts.push_back(registry.make<Prompt>(choice));
  std::vector<Fault> faults;
  std::vector<SplitSource> sources;
  std::vector<std::shared_ptr<Dataset>> found;
  for (const auto& [key, choice] : experiment.datasets) {
    plan.datasets.push_back({key, choice.common.modality, choice.common.role});
    plan.datasets.back().sampling_weight = choice.common.sampling_weight;
    const auto missing = missing_files(choice, registry.catalogue(), "dataset " + key);
    try {
      const auto data = open_dataset(choice, registry);
      check_texts(*data, choice, prompts, faults);
      sources.push_back(split_source(key, *data, choice.common));
      found.push_back(data);
      plan.datasets.back().found = true;
    } catch (const DataError&) {
      if (missing.empty()) throw;
      plan.missing.insert(plan.missing.end(), missing.begin(), missing.end());
    }
  }
  if (!faults.empty()) throw UsageError(faults);
  const auto splits = make_splits(sources, experiment.split);
  std::size_t next = 0;
  for (auto& planned : plan.datasets) {
    if (!planned.found) continue;
    const auto& split = splits[next];
    planned.train = static_cast<std::int64_t>(split.train.size());
    planned.held_out = static_cast<std::int64_t>(split.held_out.size());
    planned.dropped = static_cast<std::int64_t>(split.dropped.size());
    count_empty(*found[next++], split, planned);
  }
  return plan;
}

MemoryPlan plan_memory(const ModelPlan& model, const TrainOptions& train) {
  const auto trainable = static_cast<double>(model.trainable);
  MemoryPlan plan;
  plan.weights = 4.0 * static_cast<double>(model.parameters + model.buffers + model.added);
  if (train.steps == 0) return plan;
  plan.gradients = 4.0 * trainable * static_cast<double>(train.replicas);
  plan.moments = (train.memory == "lean" ? 4.0 : 8.0) * trainable;  // two of them, of 2 or 4 bytes
  if (train.ema_decay > 0.0) plan.average = 4.0 * trainable;
  return plan;
}

DiskPlan plan_disk(const ModelPlan& model, const MemoryPlan& memory, const Experiment& experiment) {
  const bool whole = model.added == 0 || experiment.checkpoint.merge;
  DiskPlan plan;
  plan.result_weights = 4.0 * static_cast<double>(whole ? model.parameters + model.buffers : model.added);
  if (experiment.train.steps == 0) return plan;
  plan.training_checkpoint = 4.0 * static_cast<double>(model.trainable) + memory.moments + memory.average;
  if (experiment.train.memory == "disk") plan.moments = memory.moments;
  return plan;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// The newest result in `folder` of the same settings that has steps.
std::optional<MeasuredCost> measured_before(const Experiment& experiment, const std::string& folder) {
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(experiment.name + "-s") && name.ends_with(".h5"))
      files.emplace_back(entry.last_write_time(ignored), entry.path());
  }
  std::ranges::sort(files, std::greater{});
  for (const auto& [time, file] : files) {
    try {
      const auto record = read_record(file);
      if (record.resolved_toml != experiment.resolved_toml || record.steps.empty()) continue;
      MeasuredCost cost{file.string()};
      std::vector<double> seconds;
      for (const auto& step : record.steps) {
        seconds.push_back(step.seconds);
        cost.peak_memory_mib = std::max(cost.peak_memory_mib, step.peak_memory_mib);
      }
      cost.step_seconds = median(std::move(seconds));
      for (const auto& [phase, value] : record.seconds) {
        if (phase != "total" && phase != "train") cost.other_seconds += value;
      }
      return cost;
    } catch (const DataError&) {  // of another version, or damaged: nothing was measured there
    }
  }
  return std::nullopt;
}

}  // namespace

CellPlan Planner::plan(const Experiment& experiment, const std::string& folder) {
  CellPlan cell;
  cell.experiment = &experiment;
  const auto data = data_key(experiment), model = model_key(experiment);
  if (!models_.contains(model)) models_[model] = plan_model(experiment, registry_);
  if (!data_.contains(data)) data_[data] = plan_data(experiment, registry_);
  cell.model = models_[model];
  cell.data = data_[data];
  cell.missing = cell.data.missing;
  std::error_code ignored;
  const auto& load = experiment.checkpoint.load;
  if (!load.empty() && !fs::exists(load, ignored)) cell.missing.push_back({"checkpoint", load});
  const auto& adapter = experiment.checkpoint.adapter;
  if (!adapter.empty() && !fs::exists(adapter, ignored)) cell.missing.push_back({"adapter", adapter});
  cell.memory = plan_memory(cell.model, experiment.train);
  cell.disk = plan_disk(cell.model, cell.memory, experiment);
  cell.measured = measured_before(experiment, folder);
  return cell;
}

}  // namespace sam3lab
