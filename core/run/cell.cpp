#include "core/run/cell.h"

#include <set>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <sam3lab/stamp.h>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/eval/evaluate.h"
#include "core/eval/predict.h"
#include "core/profile/cost.h"
#include "core/run/code_version.h"
#include "core/run/cpu_name.h"
#include "core/run/out_of_memory.h"
#include "core/train/adapter.h"
#include "core/train/group_rows.h"

namespace sam3lab {
namespace {

std::map<std::string, std::string> environment_of(const Experiment& experiment, const RunRequest& request,
                                                  const ChosenDevice& device) {
  std::map<std::string, std::string> environment;
  environment["compiler"] = fmt::format("g++ {}", __VERSION__);
  environment["libtorch"] = SAM3LAB_TORCH_VERSION;
  environment["sam3lab"] = SAM3LAB_VERSION;
  environment["device"] = device.name;
  environment["cpu"] = cpu_name();
  environment["threads"] = fmt::format("{} replicas of {} threads", experiment.train.replicas, experiment.train.threads);
  if (request.ranks != nullptr) environment["ranks"] = fmt::format("{} processes", request.ranks->size());
  environment["precision"] = experiment.train.precision;
  environment["started"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::now()));
  environment["energy"] = EnergyMeter(gpu_of(device.device)).source();
  for (const auto& [key, value] : experiment.cell) environment["cell/" + key] = value;
  if (request.limit > 0) environment["limit"] = fmt::format("{} items of each dataset: NOT FOR REPORTING", request.limit);
  if (!experiment.train.best_metric.empty()) {
    environment["selection"] = fmt::format(
        "weights chosen by {} on the held-out items of the internal datasets: their scores after training are those of the "
        "best of several tries, and better than new data would show",
        experiment.train.best_metric);
  }
  return environment;
}

void describe_run(const Experiment& experiment, const Registry& registry, RunRecord& record) {
  record.name = experiment.name;
  record.code_version = fmt::format("{}, sources {}", code_commit(), code_digest());
  record.resolved_toml = experiment.resolved_toml;
  record.source_toml = experiment.source_text;
  if (!experiment.checkpoint.load.empty()) record.checkpoint_sha256 = file_sha256(experiment.checkpoint.load);
  if (const auto& adapter = experiment.checkpoint.adapter; !adapter.empty())
    record.environment["adapter_sha256"] = file_sha256(adapter_file(adapter));
  record.protocol = protocol_text(experiment.evaluate);
  for (const auto& plugin : registry.plugins()) {
    for (const auto& offer : plugin.offers) {
      record.plugins.push_back({offer.substr(0, offer.find('/')), offer.substr(offer.find('/') + 1),
                                plugin.file.filename().string(), plugin.version, plugin.stamp});
    }
  }
}

// "CC-BY: hc18, busi; unknown: own"
std::string licences_of(const Experiment& experiment) {
  std::string text;
  for (const auto& licence : licence_classes()) {
    std::vector<std::string> names;
    for (const auto& [name, choice] : experiment.datasets) {
      if (choice.common.licence == licence) names.push_back(name);
    }
    if (!names.empty()) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", licence, join(names));
  }
  return text;
}

std::vector<std::string> subjects_of(const PoolDataset& dataset, const std::vector<std::int64_t>& items) {
  std::set<std::string> names;
  for (const auto item : items) names.insert(dataset.data->item(item).subject);
  return {names.begin(), names.end()};
}

void describe_data(const Experiment& experiment, const Pool& pool, RunRecord& record) {
  if (!experiment.split.file.empty()) record.environment["split_file_sha256"] = file_sha256(experiment.split.file);
  record.environment["licences"] = licences_of(experiment);
  for (const auto& dataset : pool.datasets()) {
    auto& row = record.datasets[dataset.name];
    row.modality = dataset.common.modality;
    row.role = dataset.common.role;
    row.split_sha256 = dataset.split.sha256;
    row.labels = dataset.data->labels();
    const auto ids = [&](const std::vector<std::int64_t>& items) {
      std::vector<std::string> names;
      for (const auto item : items) names.push_back(dataset.data->item(item).id);
      return names;
    };
    row.train_items = ids(dataset.split.train);
    row.held_out_items = ids(dataset.split.held_out);
    row.dropped_items = ids(dataset.split.dropped);
    row.split_mode = dataset.split.mode;
    row.held_out_subjects = subjects_of(dataset, dataset.split.held_out);
    const bool sampled = dataset.common.role == "internal" && dataset.common.sampling_weight > 0.0;
    if (sampled && experiment.train.steps > 0) row.train_subjects = subjects_of(dataset, dataset.split.train);
    for (const auto& file : dataset.data->files()) {
      const auto relative = std::filesystem::proximate(file, experiment.file.parent_path());
      row.file_sha256[relative.generic_string()] = file_sha256(file);
    }
  }
}

// The same settings, seed, data and code are the same run, wherever it happens.
std::string identity_of(const Experiment& experiment, const RunRequest& request, const RunRecord& record) {
  std::string text =
      fmt::format("{}\nseed {}\ncode {}\nlimit {}\n", experiment.identity, record.seed, code_digest(), request.limit);
  // Which images share a pass, and their random numbers, depend on it.
  if (request.ranks != nullptr) text += fmt::format("ranks {}\n", request.ranks->size());
  for (const auto& [name, dataset] : record.datasets) {
    text += fmt::format("{} {}\n", name, dataset.split_sha256);
    for (const auto& [file, digest] : dataset.file_sha256) text += digest + "\n";
  }
  const auto adapter = record.environment.find("adapter_sha256");
  if (adapter != record.environment.end()) text += fmt::format("adapter {}\n", adapter->second);
  return sha256(text + record.checkpoint_sha256);
}

std::map<std::string, std::shared_ptr<Metric>> make_metrics(const Experiment& experiment, const Registry& registry) {
  std::map<std::string, std::shared_ptr<Metric>> metrics;
  for (const auto& [key, choice] : experiment.metrics) metrics[key] = registry.make<Metric>(choice);
  return metrics;
}

// The record of a run before anything is computed.
RunRecord describe(const RunContext& run) {
  RunRecord record;
  record.seed = run.seed;
  record.environment = environment_of(run.experiment, run.request, run.device);
  describe_run(run.experiment, run.registry, record);
  for (const auto& [key, metric] : run.metrics) record.metrics[key] = metric->info();
  describe_data(run.experiment, run.pool, record);
  record.identity = identity_of(run.experiment, run.request, record);
  return record;
}

}  // namespace

RunContext::RunContext(const Experiment& the_experiment, std::int64_t the_seed, const Registry& the_registry,
                       const RunRequest& the_request, ChosenDevice the_device)
    : experiment(the_experiment),
      seed(the_seed),
      registry(the_registry),
      request(the_request),
      device(std::move(the_device)),
      pool(experiment, registry),
      metrics(make_metrics(experiment, registry)) {}

void RunContext::compare_ranks(const std::string& what, const std::string& mine) const {
  if (request.ranks == nullptr) return;
  const auto all = request.ranks->exchange(mine);
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r] == all.front()) continue;
    throw DataError(Fault{fmt::format("rank {}", r), "sees another " + what + " than rank 0", all[r], all.front(),
                          "all ranks need the same program, experiment and data, and a folder of results that they share"});
  }
}

Cell::Cell(const Experiment& the_experiment, std::int64_t the_seed, const Registry& the_registry, const RunRequest& the_request,
           ChosenDevice the_device)
    : RunContext(the_experiment, the_seed, the_registry, the_request, std::move(the_device)),
      record_(describe(*this)),
      paths(run_paths_of(request.folder, record_)) {}

void Cell::set_model(Model made, std::vector<TrainableSet> sets) {
  model_ = std::move(made);
  trainable_sets_ = std::move(sets);
  record_.parameters = model_.parameters;
  if (!model_.load_report.empty()) note("checkpoint", model_.load_report);
  if (experiment.train.steps == 0) return;
  if (!model_.activations.empty()) note("activations", model_.activations);
  record_.trainable_parameters = sam3lab::trainable_parameters(trainable_sets_.front());
  record_.groups = group_rows(trainable_sets_.front().groups);
}

void Cell::resume(const RunRecord& unfinished, std::int64_t step, std::int64_t epoch) {
  carry_over(unfinished, step, epoch, record_);
  if (const auto total = record_.seconds.find("total"); total != record_.seconds.end()) seconds_before_ = total->second;
  note("started", unfinished.environment.at("started"));
  const auto before = unfinished.environment.find("resumed");
  note("resumed",
       (before == unfinished.environment.end() ? std::string() : before->second + ", ") + fmt::format("step {}", step));
}

void Cell::evaluate(const std::string& stage, bool internal_only, std::int64_t limit) {
  const auto start = Clock::now();
  Experiment asked = experiment;
  if (internal_only) asked.evaluate.external = false;
  const Evaluator evaluator(asked, pool, metrics);
  const EvaluateRequest what{stage, stage == "after", limit,
                             [&](std::int64_t done, std::int64_t all) {
                               report({"evaluate " + stage, done, all, since(start), ""});
                               return !asked_to_stop();
                             },
                             request.ranks};
  with_out_of_memory_hint("evaluate " + stage, [&] {
    auto by_dataset = evaluator.run(model_.replicas, what);
    agree();
    if (interrupted()) return;
    for (auto& [name, rows] : by_dataset) {
      auto& scores = record_.datasets[name].scores;
      scores.insert(scores.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    }
    set_seconds("evaluate_" + stage, since(start));
  });
}

void Cell::agree() { stopping_ = request.ranks == nullptr ? asked_to_stop() : request.ranks->any(asked_to_stop()); }

void Cell::commit() {
  if (!writes()) return;
  if (lease_) lease_->check();
  set_seconds("total", seconds_before_ + since(started_));
  write_record(record_, paths.result);
}

}  // namespace sam3lab
