// The training loop: steps of the optimiser on one model and one pool of data.
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
  // Replicas share their weights. Each computes its shard of a step's images in its own thread. Gradients are averaged as in
  // data-parallel training over as many processes; losses are divided by the mean number of boxes over replicas. If the model
  // draws random numbers (dropout), replicas run one after another: LibTorch has one generator for all threads.
  std::vector<std::shared_ptr<Backbone>> replicas;
  std::vector<TrainableSet> trainable_sets;  // one per replica
  std::uint64_t seed = 0;
  std::filesystem::path diagnosis;  // file for the batch if training must stop
  // Other processes that compute the same steps with their own replicas; null if this process is alone. Image i of a step goes
  // to rank i mod the number of ranks, and there to the replicas in turn. A step needs at least one image per rank. All ranks
  // must then make each call of Trainer.
  const Ranks* ranks = nullptr;
};

// What a run needs to go on. Images and random numbers have no state: they depend on the seed and the step alone.
struct TrainerState {
  std::int64_t step = 0;
  double loss_scale = 1.0;
  std::int64_t loss_scale_steps = 0;
  // "weights.NAME" of what trains, "optimizer.first.NAME" and the like, "average.NAME". They share memory with the trainer.
  Tensors tensors;
};

class Trainer {
 public:
  explicit Trainer(TrainerInput input);

  // One update. Throws NumericError if the loss or the gradient is not finite. The weights are then those after the previous
  // step, and the batch is saved. Under float16 a gradient that is not finite is computed again with half the loss scale, until
  // the scale is below 1.
  StepRow step();
  [[nodiscard]] std::int64_t done() const { return done_; }
  [[nodiscard]] MovingAverage& average() { return average_; }
  [[nodiscard]] const CostMeter& cost() const { return cost_; }

  [[nodiscard]] TrainerState state() const;  // with train.shard_optimizer, only rank 0's state has all moments
  void restore(const TrainerState& state);   // before the first step; throws DataError if a tensor does not fit

 private:
  std::vector<Shard> load();
  std::vector<PassResult> run_passes(const std::vector<Shard>& shards);
  StepRow compute_gradients(const std::vector<Shard>& shards);
  [[nodiscard]] StepRow describe(const std::vector<Shard>& shards, const std::vector<PassResult>& passes) const;
  void update();
  [[nodiscard]] double all_replicas() const { return static_cast<double>(input_.replicas.size()) * size_of(input_.ranks); }
  [[noreturn]] void stop(const std::vector<Shard>& shards, const std::string& what, const std::string& got) const;

  TrainerInput input_;
  const TrainOptions& options_;
  std::vector<ParameterGroup> groups_;
  std::vector<bool> constant_rate_;  // of groups_, in their order
  OptimizerShards owners_;
  AdamW optimiser_;
  Schedule schedule_;
  MovingAverage average_;
  LossScale loss_scale_;
  CostMeter cost_;
  std::optional<Loader> loader_;  // made in the first step: only then is it known at which step to begin
  std::optional<bool> random_;    // whether the model draws random numbers; known after the first step
  std::int64_t done_ = 0;
};

}  // namespace sam3lab
