// One process at a time works on a run. The lease is a file STEM.lease beside the result. Two things say that its holder lives:
// a lock on the file, which the kernel frees when the holder dies, however it dies; and a counter in the file, for another host
// that does not see the lock. No clock is compared, so a clock that jumps does no harm.
#pragma once
#include <condition_variable>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include <sam3lab/api/error.h>

#include "core/base/open_file.h"

namespace sam3lab {

// The run is held by a process that lives. Exit code 2; the text names the holder.
class RunIsHeld : public UsageError {
 public:
  using UsageError::UsageError;
};

struct LeaseTiming {
  std::chrono::milliseconds beat{5'000};       // between two changes of the counter
  std::chrono::milliseconds patience{20'000};  // another host's holder counts as dead if its counter stands still for so long
  std::chrono::milliseconds release{2'000};    // a dead holder's children may hold the lock for a moment
};

class RunLease {
 public:
  // Takes the lease, a dead holder's one too. Throws RunIsHeld; DataError if the file cannot be written.
  explicit RunLease(std::filesystem::path file, LeaseTiming timing = {});
  ~RunLease();  // removes the file
  RunLease(const RunLease&) = delete;
  RunLease& operator=(const RunLease&) = delete;

  // Throws DataError if another process has taken the lease: this one was stopped for longer than another host waits. Call it
  // before anything of the run is written.
  void check() const;

 private:
  void take(LeaseTiming timing);
  void write(std::uint64_t beat) const;
  void keep_alive(std::chrono::milliseconds beat);

  std::filesystem::path path_;
  std::string holder_;  // the first line of the file, different for each process
  OpenFile file_;
  std::mutex mutex_;
  std::condition_variable ends_changed_;
  bool ends_ = false;
  std::thread heart_;
};

}  // namespace sam3lab
