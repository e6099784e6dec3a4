// The optimiser loop over one pool with one model.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <sam3lab/api/backbone.h>
#include <sam3lab/api/scheme.h>

#include "core/config/experiment.h"
#include "core/record/run_record.h"
#include "core/optim/adamw.h"
#include "core/profile/cost.h"
#include "core/train/criterion.h"
#include "core/train/gradients.h"
#include "core/data/loader.h"
#include "core/optim/loss_scale.h"
#include "core/optim/moving_average.h"
#include "core/data/pool.h"
#include "core/distributed/rank_step.h"
#include "core/optim/schedule.h"

namespace sam3lab {

struct TrainerInput {
  const Experiment& experiment;
  const Pool& pool;
  const Criterion& criterion;
  // Copies share their weights. Each works on its share of a step's images in a thread of its own, and the gradients are
  // averaged, as data-parallel training over so many processes does; the number of boxes that losses are divided by is the mean
  // over copies. Where the model draws random numbers (dropout) copies take turns: LibTorch has one generator for all threads.
  std::vector<std::shared_ptr<Backbone>> replicas;
  std::vector<TrainableSet> trainable_sets;  // one a copy
  std::uint64_t seed = 0;
  std::filesystem::path diagnosis;  // where the batch goes if training must stop
  // Other processes that work on the same steps with copies of their own; nothing: this one works alone. Image i of a step goes
  // to rank i mod the number of ranks, and there to its copies in turn; a step has an image for each rank. Every call below is
  // then one of all ranks.
  const Ranks* ranks = nullptr;
};

// All that a run goes on with. Images and random numbers need no state: theirs follow from the seed and the step.
struct TrainerState {
  std::int64_t step = 0;
  double loss_scale = 1.0;
  std::int64_t loss_scale_steps = 0;
  Tensors tensors;  // "weights.NAME" of what trains, "optimizer.first.NAME" and the like, "average.NAME"; live
};

class Trainer {
 public:
  explicit Trainer(TrainerInput input);

  // One update. Throws NumericError for a loss or gradient that is not finite; the weights are then those of the step before,
  // and the batch is saved. Under float16 a gradient that is not finite is computed again with half the loss scale, until that
  // is below 1.
  StepRow step();
  [[nodiscard]] std::int64_t done() const { return done_; }
  [[nodiscard]] MovingAverage& average() { return average_; }
  [[nodiscard]] const CostMeter& cost() const { return cost_; }

  [[nodiscard]] TrainerState state() const;  // with train.shard_optimizer, all moments are in rank 0's alone
  void restore(const TrainerState& state);   // before the first step; throws DataError if a tensor does not fit

 private:
  std::vector<Shard> load();
  std::vector<PassResult> run_passes(const std::vector<Shard>& shards);
  StepRow compute_gradients(const std::vector<Shard>& shards);
  [[nodiscard]] StepRow describe(const std::vector<Shard>& shards, const std::vector<PassResult>& passes) const;
  void update();
  [[nodiscard]] double all_copies() const { return static_cast<double>(input_.replicas.size()) * size_of(input_.ranks); }
  [[noreturn]] void stop(const std::vector<Shard>& shards, const std::string& what, const std::string& got) const;

  TrainerInput input_;
  const TrainOptions& options_;
  std::vector<ParameterGroup> groups_;
  std::vector<bool> constant_rate_;  // beside groups_
  OptimizerShards owners_;
  AdamW optimiser_;
  Schedule schedule_;
  MovingAverage average_;
  LossScale loss_scale_;
  CostMeter cost_;
  std::optional<Loader> loader_;  // from the first step on, when it is known where to begin
  std::optional<bool> random_;    // does the model draw random numbers? The first step tells
  std::int64_t done_ = 0;
};

}  // namespace sam3lab
