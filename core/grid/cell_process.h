// Runs one cell in its own process. So peak memory is that of the cell, and a crash (no memory left, an error in a plugin) does
// not affect other cells. Several may run at once; run_grid runs one at a time.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/run/run_cell.h"

namespace sam3lab {

// held: another process works on it.
enum class CellState { waiting, done, skipped, failed, interrupted, held };
std::string_view name_of(CellState state);

struct CellReport {
  CellState state = CellState::waiting;
  std::filesystem::path result, weights, overview;
  std::string error;  // of a failed cell, or who holds it
  ExitCode code = ExitCode::done;
  double seconds = 0.0;
};

class CellProcess {
 public:
  // Starts the process. LibTorch must not have computed anything in this process, because its threads do not survive a fork.
  CellProcess(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request);
  CellProcess(const CellProcess&) = delete;
  CellProcess& operator=(const CellProcess&) = delete;
  ~CellProcess();  // if the process still runs, asks it to stop and waits for it

  // Waits until the process ends. When `interrupted` is set, the process is asked to finish its step, save and stop.
  CellReport wait(const std::atomic<bool>* interrupted);

 private:
  [[nodiscard]] CellReport conclude(double seconds);

  pid_t child_ = -1;
  int pipe_ = -1;
  std::string answer_;
};

}  // namespace sam3lab
