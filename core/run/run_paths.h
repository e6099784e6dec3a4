// Where the files of one run are, and what a run of the same settings left there that was not finished.
#pragma once
#include <filesystem>
#include <string>

#include "core/record/run_record.h"

namespace sam3lab {

struct RunPaths {
  std::filesystem::path result;       // STEM.h5
  std::filesystem::path weights;      // STEM.safetensors
  std::filesystem::path adapter;      // STEM-adapter/: what a scheme added
  std::filesystem::path checkpoints;  // STEM-checkpoints/: of training
  std::filesystem::path overlays;     // STEM-overlays/
  std::filesystem::path diagnosis;    // STEM-diagnosis.safetensors
  std::filesystem::path lease;        // STEM.lease: while a process works on the run
};

// STEM is NAME-sSEED-IDENTITY8.
RunPaths run_paths_of(const std::filesystem::path& folder, const RunRecord& record);

// Before a run starts over: an unfinished one with training checkpoints is moved to STEM.h5.old and STEM-checkpoints.old, in
// place of older ones. Returns the step that it had reached; 0: there was nothing to keep.
std::int64_t set_aside(const RunPaths& paths);

// --resume with nothing of these settings there, but an unfinished run of the same name and seed: UsageError that says what
// differs.
void refuse_other_settings(const RunPaths& paths, const RunRecord& record);

// Takes over what an unfinished run of the same identity had done: its times, the rows of its first `steps` steps, and the
// scores before training and of its first `epochs` epochs. What lies behind them is computed again.
void carry_over(const RunRecord& earlier, std::int64_t steps, std::int64_t epochs, RunRecord& record);

inline std::string epoch_stage(std::int64_t epoch) { return "epoch_" + std::to_string(epoch); }

}  // namespace sam3lab
