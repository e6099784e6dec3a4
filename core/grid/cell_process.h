// One cell in a process of its own: its peak memory is its own, and what kills it (no memory left, a fault in a plugin) leaves
// the others alone. Several may run side by side; run_grid has one at a time.
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
  // Starts at once. LibTorch must not have computed anything in this process: its threads do not live through a fork.
  CellProcess(const Experiment& experiment, std::int64_t seed, const Registry& registry, const RunRequest& request);
  CellProcess(const CellProcess&) = delete;
  CellProcess& operator=(const CellProcess&) = delete;
  ~CellProcess();  // asks a process that still runs to stop, and waits for it

  // Until it ends. As soon as `interrupted` is set, it is asked to finish its step, save and stop.
  CellReport wait(const std::atomic<bool>* interrupted);

 private:
  [[nodiscard]] CellReport conclude(double seconds);

  pid_t child_ = -1;
  int pipe_ = -1;
  std::string answer_;
};

}  // namespace sam3lab
