// One cell of an experiment from start to end: data, model, evaluation before, training, evaluation after, overlays, record.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/config/experiment.h"
#include "core/record/run_record.h"
#include "core/registry/registry.h"

namespace sam3lab {

class Ranks;

// How far a phase is; `detail` is a short text such as the loss.
struct Progress {
  std::string phase;
  std::int64_t done = 0, all = 0;
  double seconds = 0.0;  // since the phase began
  std::string detail;
};

struct RunRequest {
  std::filesystem::path folder;  // of the result; made if it is not there
  std::int64_t limit = 0;        // at most so many items of each dataset in an evaluation; 0: all
  std::function<void(const Progress&)> progress;
  const std::atomic<bool>* interrupted = nullptr;  // set by a signal: finish the step, save, return
  // Other processes that run the same cell; nothing: this one alone. They share the folder, and rank 0 alone writes there.
  const Ranks* ranks = nullptr;
  int processes = 1;    // for CellProcess: of the cell, on this machine
  bool resume = false;  // go on with an unfinished run of the same identity; where there is none, start
};

struct RunOutcome {
  std::filesystem::path result, weights, overview;  // `weights`: of the model, or of what the scheme added to it
  RunRecord record;
  bool interrupted = false;
  bool earlier = false;      // nothing ran: this result was there
  std::int64_t resumed = 0;  // the step it went on from
};

// A finished result of the same identity, seed, splits and code is returned as it is, nothing runs again. An unfinished one
// with training checkpoints is set aside (STEM.h5.old, STEM-checkpoints.old) unless `resume` is set. UsageError for `resume`
// where an unfinished run of the same name and seed has other settings (not in a grid, whose cells differ in them). RunIsHeld
// (run_lease.h) while another process works on the same run: nothing of it is touched.
RunOutcome run_cell(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request);

}  // namespace sam3lab
