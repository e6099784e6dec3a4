// Training checkpoints: files from which a killed run resumes with the same results. Each holds the whole state after one step.
// A file is complete or absent, and the previous one is deleted only after the new one is complete.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/train/trainer.h"

namespace sam3lab {

// The best weights so far, by the experiment's best_metric.
struct Selection {
  double score = 0.0;
  std::int64_t step = 0;            // of the best weights; 0: none yet
  std::int64_t epochs_without = 0;  // epochs since then
  std::int64_t evaluated = 0;       // step of the latest evaluation
};

struct TrainingCheckpoint {
  std::string identity;  // of the run
  TrainerState trainer;
  Selection selection;
  double seconds = 0.0;  // wall time of training so far
};

// The folder of one run with `step-00000200.safetensors` and `best-00000150.safetensors`.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Afterwards deletes all but the newest max(1, keep) checkpoints and the best weights that they name. DataError if the disk
  // is full; the older files are then unchanged.
  void save(const TrainingCheckpoint& checkpoint, std::int64_t keep) const;
  // The newest checkpoint; empty if there is none. DataError that names the file if it is damaged or of another run.
  [[nodiscard]] std::optional<TrainingCheckpoint> newest(const std::string& identity) const;
  [[nodiscard]] std::int64_t newest_step() const;  // 0: none

  void save_best(std::int64_t step, const Tensors& weights) const;
  [[nodiscard]] Tensors best(std::int64_t step) const;

  // Deletes all but the newest `keep` checkpoints; the best weights stay. With 0 deletes the folder.
  void prune(std::int64_t keep) const;

 private:
  [[nodiscard]] std::filesystem::path file(const char* kind, std::int64_t step) const;
  [[nodiscard]] std::vector<std::int64_t> steps(const char* kind) const;  // ascending

  std::filesystem::path folder_;
};

}  // namespace sam3lab
