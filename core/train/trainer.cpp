#include "core/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/train/autocast.h"
#include "core/optim/constant_rate.h"
#include "core/train/diagnosis.h"
#include "core/tensor/on_device.h"
#include "core/tensor/parallel_for.h"

namespace sam3lab {
namespace {

Schedule schedule_of(const TrainOptions& train) {
  return {train.schedule, train.steps, train.warmup_steps, train.cooldown_steps, train.timescale};
}

void scale_gradients(const std::vector<ParameterGroup>& groups, double factor) {
  const at::NoGradGuard no_grad;
  for (const auto& group : groups) {
    for (const auto& [name, parameter] : group.parameters) {
      if (parameter.grad().defined()) parameter.mutable_grad().mul_(factor);
    }
  }
}

OptimizerShards owners_of(const Ranks* ranks, const TrainOptions& train, const std::vector<ParameterGroup>& groups) {
  return ranks != nullptr && train.shard_optimizer ? OptimizerShards(*ranks, groups) : OptimizerShards();
}

AdamWOptions adamw_options(const TrainOptions& train, const std::filesystem::path& diagnosis) {
  AdamWOptions options{train.betas[0], train.betas[1], train.epsilon, train.memory == "lean"};
  if (train.memory == "disk") options.offload = std::filesystem::absolute(diagnosis).parent_path();  // beside the results
  return options;
}

}  // namespace

Trainer::Trainer(TrainerInput input)
    : input_(std::move(input)),
      options_(input_.experiment.train),
      groups_(input_.trainable_sets.front().groups),
      constant_rate_(constant_rates(groups_, options_.constant_rate)),
      owners_(owners_of(input_.ranks, options_, groups_)),
      optimiser_(groups_, adamw_options(options_, input_.diagnosis),
                 [this](std::size_t group, std::size_t i) { return owners_.here(group, i); }),
      schedule_(schedule_of(options_)),
      average_(groups_, options_.ema_decay),
      loss_scale_(options_.precision == "float16", options_.loss_scale, options_.loss_scale_interval),
      cost_(device_of(*input_.replicas.front())) {
  if (input_.ranks != nullptr) broadcast_weights(*input_.ranks, *input_.replicas.front(), groups_);
}

TrainerState Trainer::state() const {
  TrainerState state{done_, loss_scale_.factor(), loss_scale_.good_steps(), average_.state()};
  for (const auto& group : groups_) {
    for (const auto& [name, parameter] : group.parameters) state.tensors["weights." + name] = parameter.detach();
  }
  for (const auto& [name, tensor] : owners_.collect(groups_, optimiser_.state())) state.tensors["optimizer." + name] = tensor;
  return state;
}

void Trainer::restore(const TrainerState& state) {
  const at::NoGradGuard no_grad;
  Tensors optimiser;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with("optimizer.")) optimiser[name.substr(std::string("optimizer.").size())] = tensor;
  }
  for (const auto& group : groups_) {
    for (const auto& [name, parameter] : group.parameters) {
      const auto found = state.tensors.find("weights." + name);
      if (found == state.tensors.end() || found->second.sizes() != parameter.sizes()) {
        throw DataError(
            Fault{"training checkpoint", "the weights do not fit the model", name, "", "start the run again without --resume"});
      }
      parameter.detach().copy_(found->second);
    }
  }
  optimiser_.restore(optimiser);
  average_.restore(state.tensors);
  loss_scale_.restore(state.loss_scale, state.loss_scale_steps);
  done_ = state.step;
}

std::vector<Shard> Trainer::load() {
  const std::int64_t ranks = size_of(input_.ranks), rank = rank_of(input_.ranks);
  if (!loader_) {
    const auto& model = *input_.replicas.front();
    const auto ahead = std::max(options_.images_per_step, options_.workers);
    loader_.emplace(input_.pool, input_.experiment.augment,
                    LoaderOptions{model.image_size(), model.object_queries(), options_.workers, ahead, input_.seed,
                                  done_ * options_.images_per_step, options_.images_per_step, ranks, rank});
  }
  std::vector<Sample> samples;
  for (auto i = rank; i < options_.images_per_step; i += ranks) samples.push_back(loader_->next());
  return make_shards(std::move(samples), input_.replicas.size(), options_.accumulate);
}

std::vector<PassResult> Trainer::run_passes(const std::vector<Shard>& shards) {
  const auto replicas = input_.replicas.size();
  std::vector<PassResult> passes(replicas);
  const double mean_boxes = options_.local_boxes ? 0.0 : boxes_per_replica(shards, input_.ranks);
  for (const auto& copy : input_.replicas) copy->train(true);
  const auto pass = [&](std::size_t c) {
    if (shards[c].empty()) return;
    // The random numbers are the same as in one process that has the replicas of all ranks.
    const auto number = static_cast<std::size_t>(rank_of(input_.ranks)) + c * static_cast<std::size_t>(size_of(input_.ranks));
    const double boxes = options_.local_boxes ? boxes_per_replica({shards[c]}) : mean_boxes;
    PassOptions options{reduced_type(options_.precision),     input_.seed, done_, number, boxes,
                        loss_scale_.factor() / all_replicas()};
    // Another replica may still be in its forward pass.
    if (replicas == 1) options.only_backward_left = [this] { optimiser_.expect_update(); };
    passes[c] = add_gradients(*input_.replicas[c], input_.trainable_sets[c], input_.criterion, shards[c], options);
  };
  if (random_ == false) {
    parallel_for(replicas, pass);
  } else {
    for (std::size_t c = 0; c < replicas; ++c) pass(c);
  }
  if (!random_ && std::ranges::none_of(shards, &Shard::empty)) random_ = std::ranges::any_of(passes, &PassResult::random);
  return passes;
}

StepRow Trainer::describe(const std::vector<Shard>& shards, const std::vector<PassResult>& passes) const {
  StepRow row;
  row.step = done_ + 1;
  const auto replicas = all_replicas();
  for (std::size_t c = 0; c < shards.size(); ++c) {
    if (shards[c].empty()) continue;
    row.loss += passes[c].loss.total.item<double>() / replicas;
    for (const auto& term : passes[c].loss.terms) row.terms[term.name] += term.weight * term.value.item<double>() / replicas;
  }
  if (input_.ranks != nullptr) sum_row(*input_.ranks, row);
  row.rate_factor = schedule_.factor(done_);
  return row;
}

void Trainer::stop(const std::vector<Shard>& shards, const std::string& what, const std::string& got) const {
  auto file = input_.diagnosis;
  if (const int rank = rank_of(input_.ranks); rank > 0) {
    file.replace_filename(fmt::format("{}-rank{}{}", file.stem().string(), rank, file.extension().string()));
  }
  const auto saved = save_batches(file, shards, done_ + 1, what);
  throw NumericError(Fault{fmt::format("step {}", done_ + 1), what, got, "a number",
                           "lower train.learning_rate, or look at the data: " + saved});
}

void Trainer::update() {
  const double factor = schedule_.factor(done_);
  std::vector<double> factors;
  for (const bool constant : constant_rate_) factors.push_back(constant ? 1.0 : factor);
  optimiser_.step(factors);
  owners_.broadcast_updated(groups_);
  average_.update();
  loss_scale_.grew();
}

// Leaves the gradients, summed over all replicas and ranks, in the parameters. The next update clips them.
StepRow Trainer::compute_gradients(const std::vector<Shard>& shards) {
  StepRow row;
  optimiser_.begin_pass();
  try {
    const auto passes = run_passes(shards);
    average_gradients(input_.trainable_sets);
    if (input_.ranks != nullptr) sum_gradients(*input_.ranks, groups_);
    row = describe(shards, passes);
  } catch (const NumericError& error) {
    stop(shards, error.what(), "");
  }
  if (loss_scale_.on()) scale_gradients(groups_, 1.0 / loss_scale_.factor());
  row.gradient_norm = optimiser_.clip(options_.clip_norm);
  if (!std::isfinite(row.loss)) stop(shards, "the loss is not finite", fmt::format("{}", row.loss));
  return row;
}

StepRow Trainer::step() {
  cost_.start();
  const auto shards = load();
  std::string work;
  for (const auto& shard : shards) work += work_of(shard.whole);
  if (!options_.feature_cache.empty()) work.clear();  // cached features are not computed, so steps differ in their work
  cost_.work(work);
  StepRow row = compute_gradients(shards);
  // The repetition has the same images and random numbers, for both depend on seed and step alone.
  while (!std::isfinite(row.gradient_norm)) {
    optimiser_.clear_gradients();
    if (!loss_scale_.on()) stop(shards, "the gradient is not finite", fmt::format("{}", row.gradient_norm));
    if (!loss_scale_.overflowed())
      stop(shards, "gradients overflow under float16 whatever the loss scale", fmt::format("{}", loss_scale_.factor()));
    cost_.work(work);  // the FLOPs of a step are those of one pass
    row = compute_gradients(shards);
  }
  update();
  optimiser_.clear_gradients();
  ++done_;
  cost_.stop(row);
  return row;
}

}  // namespace sam3lab
