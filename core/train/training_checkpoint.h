// Files from which a killed run goes on as if nothing had happened. Each holds the whole state after one step; it appears whole
// or not at all, and the one before it goes only when it is there.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/train/trainer.h"

namespace sam3lab {

// Which weights were best so far, by the experiment's best_metric.
struct Selection {
  double score = 0.0;
  std::int64_t step = 0;  // after which they were scored; 0: none yet
  std::int64_t epochs_without = 0;
  std::int64_t evaluated = 0;  // step after which weights were scored last
};

struct TrainingCheckpoint {
  std::string identity;  // of the run
  TrainerState trainer;
  Selection selection;
  double seconds = 0.0;  // wall time of training until here
};

// `step-00000200.safetensors` and `best-00000150.safetensors` in a folder of one run.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // Then the newest max(1, keep) stay, and the best weights that they speak of. DataError where the disk is full: what was
  // there is untouched.
  void save(const TrainingCheckpoint& checkpoint, std::int64_t keep) const;
  // The newest; nothing if there is none. DataError that names the file if it is damaged or of another run.
  [[nodiscard]] std::optional<TrainingCheckpoint> newest(const std::string& identity) const;
  [[nodiscard]] std::int64_t newest_step() const;  // 0: none

  void save_best(std::int64_t step, const Tensors& weights) const;
  [[nodiscard]] Tensors best(std::int64_t step) const;

  // Leaves the newest `keep` and the best weights beside them; with 0 nothing, the folder included.
  void prune(std::int64_t keep) const;

 private:
  [[nodiscard]] std::filesystem::path file(const char* kind, std::int64_t step) const;
  [[nodiscard]] std::vector<std::int64_t> steps(const char* kind) const;  // ascending

  std::filesystem::path folder_;
};

}  // namespace sam3lab
