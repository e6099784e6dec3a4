// Optimizer-state offload: AdamW's moments of large parameters lie in a file while the forward and backward pass need their
// memory. A thread writes the moments that an update changed while the next pass begins, and reads them back while the backward
// pass frees memory. The moments have the same bits as in memory.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab {

class OptimizerOffload {
 public:
  struct Pair {
    at::Tensor first, second;  // float32, contiguous
  };

  // Reserves space for pairs of `sizes[slot]` elements, all zero. They lie in a file of `folder` that has no name: nothing is
  // left behind, however the process ends. Throws DataError if the folder cannot be written to or the disk is too full.
  OptimizerOffload(const std::filesystem::path& folder, std::vector<std::int64_t> sizes);
  ~OptimizerOffload();
  OptimizerOffload(const OptimizerOffload&) = delete;
  OptimizerOffload& operator=(const OptimizerOffload&) = delete;

  // The pair in memory, flat. It stays there until put() or leave(). Throws DataError if a read or write has failed, in this
  // call or earlier in the thread.
  Pair take(std::size_t slot);
  void put(std::size_t slot);  // the caller has changed the pair of take(): it is written, then freed
  void leave();                // stops reading ahead and frees all pairs in memory
  // Number of bytes that may still be taken when pairs in memory have `in_memory` bytes. Called in another thread.
  using Room = std::function<std::int64_t(std::int64_t in_memory)>;
  void fetch(Room room);  // reads ahead in the order of slots, each as soon as there is room for it
  [[nodiscard]] std::int64_t bytes_in_memory() const;
  void wait() const;  // returns when all changed pairs are written

 private:
  // unused: zeros that nobody has taken yet; changed: in memory, and newer than on disk
  enum class Location { unused, memory, changed, disk };
  struct Slot {
    std::int64_t elements = 0, offset = 0, bytes = 0;  // bytes: of the pair, each half in whole blocks
    Location location = Location::unused;
    bool busy = false;  // the thread works on it
    at::Tensor pair;    // [2, elements of a half with its padding]
  };
  class File;

  void work();
  void write_one(std::unique_lock<std::mutex>& lock);
  void read_one(std::unique_lock<std::mutex>& lock, std::size_t slot);
  void forget(Slot& slot);

  std::unique_ptr<File> file_;
  std::vector<Slot> slots_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<std::size_t> to_write_;
  Room room_;                   // while reading ahead
  std::size_t next_ = 0;        // slot to read ahead next
  std::int64_t in_memory_ = 0;  // bytes
  std::exception_ptr failed_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace sam3lab
