#include "core/cli/plan_output.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/optim/constant_rate.h"
#include "core/optim/schedule.h"

namespace sam3lab {
namespace {

using Json = nlohmann::ordered_json;

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

Schedule schedule_of(const TrainOptions& train) {
  return {train.schedule, train.steps, train.warmup_steps, train.cooldown_steps, train.timescale};
}

double epochs(const TrainOptions& train) {
  return static_cast<double>(train.steps) / static_cast<double>(train.steps_per_epoch);
}

// Largest factor of the schedule, and the first step that has it.
std::pair<double, std::int64_t> peak(const TrainOptions& train) {
  const auto schedule = schedule_of(train);
  std::pair<double, std::int64_t> best{0.0, 0};
  const auto last = std::min(train.steps, train.warmup_steps + 1);  // from there on it only falls
  for (std::int64_t step = 0; step <= last; ++step) {
    if (const double factor = schedule.factor(step); factor > best.first) best = {factor, step};
  }
  return best;
}

double run_seconds(const CellPlan& cell) {
  return cell.measured->step_seconds * static_cast<double>(cell.experiment->train.steps) + cell.measured->other_seconds;
}

std::vector<MissingFile> all_missing(const std::vector<CellPlan>& cells) {
  std::vector<MissingFile> missing;
  std::set<std::string> seen;
  for (const auto& cell : cells) {
    for (const auto& file : cell.missing) {
      if (seen.insert(file.what + "\n" + file.path).second) missing.push_back(file);
    }
  }
  return missing;
}

std::string settings_text(const Experiment& experiment) {
  std::string text;
  for (const auto& [key, value] : experiment.cell) text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, value);
  return text;
}

// ---- text

std::string group_lines(const ModelPlan& model) {
  std::size_t width = 5;
  for (const auto* rows : {&model.groups, &model.frozen}) {
    for (const auto& row : *rows) width = std::max(width, row.name.size());
  }
  std::string text = fmt::format("  {:<{}}  {:>7}  {:>11}  {:>11}  {:>6}  trains\n", "group", width, "tensors", "parameters",
                                 "peak rate", "decay");
  for (const auto* rows : {&model.groups, &model.frozen}) {
    for (const auto& row : *rows) {
      text += fmt::format("  {:<{}}  {:>7}  {:>11}  {:>11.6g}  {:>6g}  {}\n", row.name, width, row.tensors, row.parameters,
                          row.learning_rate, row.weight_decay, rows == &model.groups ? "yes" : "no");
    }
  }
  return text;
}

std::string weight_text(const PlannedDataset& set) {
  if (set.role != "internal" || set.sampling_weight == 1.0) return "";
  return set.sampling_weight > 0.0 ? fmt::format("; drawn with weight {:g}", set.sampling_weight) : "; scored, not trained on";
}

std::string data_lines(const DataPlan& data) {
  std::string text;
  for (const auto& set : data.datasets) {
    if (!set.found) {
      text += fmt::format("  {:<20}  {:<8}  {:<14}  not on this machine\n", set.name, set.role, set.modality);
      continue;
    }
    text += fmt::format("  {:<20}  {:<8}  {:<14}  {} train, {} held out, {} in gaps; {}{} without any label{}\n", set.name,
                        set.role, set.modality, set.train, set.held_out, set.dropped, set.empty_estimated ? "about " : "",
                        set.empty, weight_text(set));
  }
  return text;
}

std::string schedule_line(const TrainOptions& train) {
  const auto schedule = schedule_of(train);
  const auto [factor, step] = peak(train);
  std::string text =
      fmt::format("{}, warm-up {}, cool-down {} steps", train.schedule, train.warmup_steps, train.cooldown_steps);
  if (train.schedule == "inverse_square_root") text += fmt::format(", timescale {}", train.timescale);
  return text + fmt::format("; factor {:.3g} at step {}, {:.3g} halfway, {:.3g} in the last step", factor, step,
                            schedule.factor(train.steps / 2), schedule.factor(std::max<std::int64_t>(0, train.steps - 1)));
}

std::string cost_lines(const CellPlan& cell) {
  const auto& train = cell.experiment->train;
  std::string text =
      fmt::format("memory      {:.2f} GiB: weights {:.2f}, gradients {:.2f}, moments {:.2f}", cell.memory.sum() / gib,
                  cell.memory.weights / gib, cell.memory.gradients / gib, cell.memory.moments / gib);
  if (cell.memory.average > 0.0) text += fmt::format(", moving average {:.2f}", cell.memory.average / gib);
  text += cell.measured ? fmt::format("; an earlier run of these settings took {:.2f} GiB at most\n",
                                      cell.measured->peak_memory_mib / 1024.0)
                        : "; activations and temporaries come on top: not known before a run\n";
  text += fmt::format("disk        {:.2f} GiB of weights a run", cell.disk.result_weights / gib);
  if (train.steps > 0) text += fmt::format(", {:.2f} GiB a training checkpoint", cell.disk.training_checkpoint / gib);
  if (cell.disk.moments > 0.0) text += fmt::format(", {:.2f} GiB of moments while it trains", cell.disk.moments / gib);
  text += cell.measured ? fmt::format("\ntime        {:.0f} s a run: {:.2f} s a step, as measured in {}\n", run_seconds(cell),
                                      cell.measured->step_seconds, cell.measured->result)
                        : "\ntime        not known: no run of these settings was measured here\n";
  return text;
}

std::string cell_text(const CellPlan& cell) {
  const auto& train = cell.experiment->train;
  const auto& model = cell.model;
  std::string text = "data\n" + data_lines(cell.data);
  if (train.steps == 0) {
    text += "steps       none: the model is evaluated as it is\n";
  } else {
    text += fmt::format("steps       {} of {} images ({:.4g} epochs of {} steps), {}, {}\n", train.steps, train.images_per_step,
                        epochs(train), train.steps_per_epoch, train.precision,
                        train.clip_norm > 0 ? fmt::format("gradients clipped at {:g}", train.clip_norm) : "no clipping");
    text += "schedule    " + schedule_line(train) + "\n";
  }
  if (!train.feature_cache.empty() && train.steps > 0)
    text += fmt::format("cache       {}; at most {:g} GB in {}\n", model.cached.text(), train.feature_cache_gb,
                        train.feature_cache);
  text += fmt::format("parameters  {}, of which {} train", model.parameters, model.trainable);
  if (model.added > 0) text += fmt::format("; the scheme adds {}", model.added);
  return text + "\n" + group_lines(model) + cost_lines(cell);
}

// ---- JSON

Json group_json(const GroupRow& row, bool trains, const TrainOptions& train) {
  return {{"name", row.name},
          {"lr", row.learning_rate},
          {"schedule", keeps_rate(row.name) ? "constant" : train.schedule},
          {"weight_decay", row.weight_decay},
          {"tensors", row.tensors},
          {"parameters", row.parameters},
          {"trains", trains}};
}

Json dataset_json(const PlannedDataset& set) {
  Json json = {{"name", set.name},
               {"modality", set.modality},
               {"role", set.role},
               {"sampling_weight", set.sampling_weight},
               {"found", set.found}};
  const auto known = [&](std::int64_t value) { return set.found ? Json(value) : Json(nullptr); };
  json["train"] = known(set.train);
  json["held_out"] = known(set.held_out);
  json["dropped"] = known(set.dropped);
  json["empty"] = known(set.empty);
  json["empty_estimated"] = set.empty_estimated;
  return json;
}

Json cell_json(const CellPlan& cell) {
  const auto& train = cell.experiment->train;
  Json json;
  json["settings"] = Json::object();
  for (const auto& [key, value] : cell.experiment->cell) json["settings"][key] = value;
  json["datasets"] = Json::array();
  for (const auto& set : cell.data.datasets) json["datasets"].push_back(dataset_json(set));
  json["steps"] = train.steps;
  json["steps_per_epoch"] = train.steps_per_epoch;
  json["epochs"] = epochs(train);
  json["images_per_step"] = train.images_per_step;
  json["precision"] = train.precision;
  json["clip_norm"] = train.clip_norm;
  json["schedule"] = {{"kind", train.schedule},
                      {"warmup_steps", train.warmup_steps},
                      {"cooldown_steps", train.cooldown_steps},
                      {"timescale", train.timescale}};
  json["parameters"] = cell.model.parameters;
  json["trainable_parameters"] = cell.model.trainable;
  json["added_parameters"] = cell.model.added;
  const bool cache = !train.feature_cache.empty() && train.steps > 0;
  json["cached"] = cache ? Json(cell.model.cached.names) : Json(nullptr);
  json["groups"] = Json::array();
  for (const auto& row : cell.model.groups) json["groups"].push_back(group_json(row, true, train));
  for (const auto& row : cell.model.frozen) json["groups"].push_back(group_json(row, false, train));
  json["memory_bytes"] = {{"weights", cell.memory.weights}, {"gradients", cell.memory.gradients},
                          {"moments", cell.memory.moments}, {"average", cell.memory.average},
                          {"sum", cell.memory.sum()},       {"activations", nullptr}};
  json["disk_bytes"] = {{"weights", cell.disk.result_weights},
                        {"training_checkpoint", cell.disk.training_checkpoint},
                        {"moments_file", cell.disk.moments}};
  json["time_seconds"] = cell.measured ? Json(run_seconds(cell)) : Json(nullptr);
  json["step_seconds"] = cell.measured ? Json(cell.measured->step_seconds) : Json(nullptr);
  json["measured_memory_mib"] = cell.measured ? Json(cell.measured->peak_memory_mib) : Json(nullptr);
  return json;
}

}  // namespace

std::string plan_text(const std::vector<CellPlan>& cells) {
  const auto& first = *cells.front().experiment;
  std::string text =
      fmt::format("experiment  {}\nruns        {}: {} {}, {} {}\n", first.name, cells.size() * first.seeds.size(), cells.size(),
                  cells.size() == 1 ? "cell" : "cells", first.seeds.size(), first.seeds.size() == 1 ? "seed" : "seeds");
  const auto missing = all_missing(cells);
  for (const auto& file : missing) text += fmt::format("missing     {}: {}\n", file.what, file.path);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto now = cell_text(cells[i]);
    if (cells.size() > 1)
      text += fmt::format("\ncell {} of {}: {}\n", i + 1, cells.size(), settings_text(*cells[i].experiment));
    text += i > 0 && now == cell_text(cells[i - 1]) ? "as the cell before, in all that is listed here\n" : now;
  }
  return text;
}

std::string plan_json(const std::vector<CellPlan>& cells) {
  const auto& first = *cells.front().experiment;
  Json json = {
      {"name", first.name}, {"cells", cells.size()}, {"seeds", first.seeds}, {"runs", cells.size() * first.seeds.size()}};
  json["missing"] = Json::array();
  for (const auto& file : all_missing(cells)) json["missing"].push_back({{"what", file.what}, {"path", file.path}});
  json.update(cell_json(cells.front()));
  if (cells.size() > 1) {
    json["grid"] = Json::array();
    for (const auto& cell : cells) json["grid"].push_back(cell_json(cell));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sam3lab
