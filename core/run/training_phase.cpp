#include "core/run/training_phase.h"

#include <map>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/record/metric_value.h"
#include "core/record/statistics.h"
#include "core/run/out_of_memory.h"

namespace sam3lab {
namespace {

Tensors weights_of(const std::vector<ParameterGroup>& groups) {
  Tensors weights;
  for (const auto& group : groups) {
    for (const auto& [name, parameter] : group.parameters) weights[name] = parameter.detach();
  }
  return weights;
}

}  // namespace

TrainingPhase::TrainingPhase(Cell& cell, std::optional<TrainingCheckpoint> from)
    : cell_(cell),
      options_(cell.experiment.train),
      criterion_(make_criterion()),
      trainer_({cell.experiment, cell.pool, criterion_, cell.model.replicas, cell.trainable_sets,
                static_cast<std::uint64_t>(cell.seed), cell.paths.diagnosis, cell.request.ranks}),
      folder_(cell.paths.checkpoints) {
  if (!from) return;
  trainer_.restore(from->trainer);
  selection_ = from->selection;
  seconds_before_ = from->seconds;
  saved_ = from->trainer.step;
  evaluated_ = selection_.evaluated;
}

Criterion TrainingPhase::make_criterion() const {
  CriterionOptions options;
  options.one_to_many_weight = options_.one_to_many_weight;
  options.one_to_many_matcher_on_auxiliary = options_.one_to_many_on_auxiliary;
  std::map<std::string, std::shared_ptr<Matcher>> matchers;
  for (const auto& [key, choice] : cell_.experiment.matchers) matchers[key] = cell_.registry.make<Matcher>(choice);
  std::vector<std::shared_ptr<Loss>> losses;
  for (const auto& [key, choice] : cell_.experiment.losses) losses.push_back(cell_.registry.make<Loss>(choice));
  return {options, matchers["one_to_one"], matchers["one_to_many"], losses};
}

bool TrainingPhase::ended() const {
  return trainer_.done() >= options_.steps ||
         (options_.early_stop_epochs > 0 && selection_.epochs_without >= options_.early_stop_epochs);
}

// Of the epoch that just ended; or, in a resumed run, that had ended when the run was interrupted.
bool TrainingPhase::evaluation_due() const {
  return !options_.best_metric.empty() && trainer_.done() > selection_.evaluated &&
         trainer_.done() % (options_.steps_per_epoch * options_.evaluate_every) == 0;
}

void TrainingPhase::run() {
  if (evaluation_due()) end_epoch();
  double smooth_loss = 0.0;
  bool first = true;
  while (!ended() && !cell_.interrupted()) {
    with_out_of_memory_hint(fmt::format("step {}", trainer_.done() + 1), [&] { cell_.add_step(trainer_.step()); });
    cell_.agree();
    const auto& row = cell_.record.steps.back();
    smooth_loss = first ? row.loss : 0.95 * smooth_loss + 0.05 * row.loss;
    first = false;
    cell_.report({"train", trainer_.done(), options_.steps, since(start_), fmt::format("loss {:.2f}", smooth_loss)});
    const auto every = cell_.experiment.record.checkpoint_steps;
    if (trainer_.done() % options_.steps_per_epoch == 0) {
      end_epoch();
    } else if (every > 0 && trainer_.done() % every == 0) {
      save();
    }
  }
  const auto& when = cell_.experiment.record;
  if (cell_.interrupted() || when.checkpoint_every > 0 || when.checkpoint_steps > 0) {
    save();
  } else {
    commit();
  }
  if (!cell_.interrupted()) take_result_weights();
}

void TrainingPhase::commit() {
  cell_.set_seconds("train", seconds_before_ + since(start_));
  cell_.commit();
}

void TrainingPhase::end_epoch() {
  const auto epoch = trainer_.done() / options_.steps_per_epoch;
  if (evaluation_due()) choose();
  if (cell_.interrupted()) return;
  const auto every = cell_.experiment.record.checkpoint_every;
  if (every > 0 && epoch % every == 0) {
    save();
  } else {
    commit();
  }
}

void TrainingPhase::choose() {
  const auto epoch = trainer_.done() / options_.steps_per_epoch;
  const auto stage = epoch_stage(epoch);
  auto limit = cell_.request.limit;
  if (options_.evaluate_items > 0) limit = limit > 0 ? std::min(limit, options_.evaluate_items) : options_.evaluate_items;
  trainer_.average().exchange();
  cell_.evaluate(stage, true, limit);
  if (!cell_.interrupted()) {
    const auto& info = cell_.record.metrics.at(options_.best_metric);
    const auto score = macro_of(by_prompt(rows_of(cell_.record, stage, "internal")), options_.best_metric, info);
    if (score && (selection_.step == 0 || info.better(*score, selection_.score))) {
      if (cell_.writes()) folder_.save_best(trainer_.done(), weights_of(cell_.trainable_sets.front().groups));
      selection_ = {*score, trainer_.done()};
    } else {
      selection_.epochs_without += options_.evaluate_every;
    }
    selection_.evaluated = trainer_.done();
    cell_.report(
        {stage, trainer_.done(), options_.steps, since(start_),
         fmt::format("{} {}, best {} ({})", options_.best_metric, value_text(info, score), best_text(), direction_text(info))});
  }
  trainer_.average().exchange();
}

// "0.7312 after step 200"
std::string TrainingPhase::best_text() const {
  if (selection_.step == 0) return "none yet";
  return fmt::format("{} after step {}", value_text(cell_.record.metrics.at(options_.best_metric), selection_.score),
                     selection_.step);
}

// The record first: a kill between the two leaves rows that the checkpoint knows nothing of, which a resumed run drops and
// makes again. The other order would leave steps without rows.
void TrainingPhase::save() {
  commit();
  if (trainer_.done() == saved_ && selection_.evaluated == evaluated_) return;
  const auto state = trainer_.state();
  if (cell_.writes())
    folder_.save({cell_.record.identity, state, selection_, cell_.record.seconds.at("train")}, cell_.experiment.record.keep);
  evaluated_ = selection_.evaluated;
  saved_ = trainer_.done();
}

void TrainingPhase::take_result_weights() {
  if (selection_.step == 0) {
    if (!options_.best_metric.empty())
      cell_.note("best", options_.best_metric + " was undefined in every evaluation: the last weights");
    trainer_.average().exchange();
    return;
  }
  const at::NoGradGuard no_grad;
  if (cell_.request.ranks != nullptr) cell_.request.ranks->barrier();  // rank 0 has written it
  const auto best = folder_.best(selection_.step);
  for (auto& [name, live] : weights_of(cell_.trainable_sets.front().groups)) {
    const auto found = best.find(name);
    if (found == best.end() || found->second.sizes() != live.sizes())
      throw DataError(Fault{cell_.paths.checkpoints.string(), "the best weights do not fit the model", name, "", ""});
    live.copy_(found->second);
  }
  cell_.note("best", options_.best_metric + " " + best_text());
}

}  // namespace sam3lab
