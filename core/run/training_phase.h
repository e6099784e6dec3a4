// The training of a run: steps, and at the end of each epoch what is evaluated, chosen and committed.
#pragma once
#include <optional>
#include <string>

#include "core/run/cell.h"
#include "core/train/criterion.h"
#include "core/train/training_checkpoint.h"

namespace sam3lab {

class TrainingPhase {
 public:
  // `from`: the checkpoint to go on with.
  TrainingPhase(Cell& cell, std::optional<TrainingCheckpoint> from);

  // Until the last step, the end by early_stop_epochs, or an interruption, which is answered after the step that is being made.
  // Unless interrupted, the model then has the weights that the run is about: the best, or the average, or the last.
  void run();

 private:
  [[nodiscard]] Criterion make_criterion() const;
  [[nodiscard]] bool ended() const;
  [[nodiscard]] bool evaluation_due() const;
  [[nodiscard]] std::string best_text() const;
  void end_epoch();
  void choose();
  void commit();
  void save();
  void take_result_weights();

  Cell& cell_;
  const TrainOptions& options_;
  Criterion criterion_;
  Trainer trainer_;
  CheckpointFolder folder_;
  Selection selection_;
  Clock::time_point start_ = Clock::now();
  double seconds_before_ = 0.0;
  std::int64_t saved_ = 0, evaluated_ = 0;  // of the newest checkpoint: its step, and that of its last evaluation
};

}  // namespace sam3lab
