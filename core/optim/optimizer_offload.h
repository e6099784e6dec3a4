// AdamW's moments of large parameters, in a file while the forward and backward pass of a step need their memory. A thread of
// its own writes what an update has changed while the next pass begins, and reads it again while the backward pass gives memory
// back. The numbers are those that moments in memory would have.
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

  // Takes room for pairs of `sizes[slot]` numbers, all zero, in a file of `folder` that no name leads to: nothing stays behind,
  // whatever ends the process. Throws DataError where the folder cannot be written to or the disk has not so much room.
  OptimizerOffload(const std::filesystem::path& folder, std::vector<std::int64_t> sizes);
  ~OptimizerOffload();
  OptimizerOffload(const OptimizerOffload&) = delete;
  OptimizerOffload& operator=(const OptimizerOffload&) = delete;

  // The pair in memory, until put() or leave(); flat. Throws DataError if the disk failed, here or behind the scenes.
  Pair take(std::size_t slot);
  void put(std::size_t slot);  // what take() gave has changed: to be written, then freed
  void leave();                // nothing reads any more, and what lies in memory leaves it
  // How many bytes may still be taken, given those that pairs in memory have? Called in another thread.
  using Room = std::function<std::int64_t(std::int64_t in_memory)>;
  void fetch(Room room);  // reads ahead in the order of slots, each as soon as there is room for it
  [[nodiscard]] std::int64_t bytes_in_memory() const;
  void wait() const;  // until all is written that must be

 private:
  // nowhere: zeros that nobody has asked for; changed: in memory, and newer than on disk
  enum class Place { nowhere, memory, changed, disk };
  struct Slot {
    std::int64_t numbers = 0, offset = 0, bytes = 0;  // bytes: of the pair, each half in whole blocks
    Place place = Place::nowhere;
    bool busy = false;  // the thread works on it
    at::Tensor pair;    // [2, numbers of a half with its padding]
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
  std::size_t next_ = 0;        // to be read ahead
  std::int64_t in_memory_ = 0;  // bytes
  std::exception_ptr failed_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace sam3lab
