#include "core/optim/optimizer_offload.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/open_file.h"

namespace sam3lab {
namespace {

constexpr std::int64_t block = 4096;  // bytes; direct disk access needs offsets, sizes and addresses in whole blocks

std::int64_t half_bytes(std::int64_t elements) {
  return (elements * static_cast<std::int64_t>(sizeof(float)) + block - 1) / block * block;
}

}  // namespace

// Reads and writes bypass the page cache, which would keep the data in memory. They use it where the file system or the address
// of the memory does not allow direct access.
class OptimizerOffload::File {
 public:
  File(const std::filesystem::path& folder, std::int64_t bytes) : folder_(folder.string()) {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    auto path = (folder / "moments-XXXXXX").string();
    cached_ = OpenFile(mkostemp(path.data(), O_CLOEXEC));
    if (!cached_.valid()) fail("cannot make a file for AdamW's moments", errno);
    direct_ = OpenFile(open(path.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT));
    unlink(path.c_str());
    if (const int error = posix_fallocate(cached_.descriptor(), 0, bytes); error != 0)
      fail(fmt::format("no room for AdamW's moments, {:.1f} GB", static_cast<double>(bytes) / 1e9), error);
  }

  void write(const void* data, std::size_t bytes, std::uint64_t offset) const {
    if (aligned(data) && direct_.write(data, bytes, offset)) return;
    if (!cached_.write(data, bytes, offset)) fail("cannot write AdamW's moments", errno);
  }
  void read(void* data, std::size_t bytes, std::uint64_t offset) const {
    if (aligned(data) && direct_.read(data, bytes, offset)) return;
    if (!cached_.read(data, bytes, offset)) fail("cannot read AdamW's moments", errno);
  }

 private:
  [[nodiscard]] bool aligned(const void* data) const {
    return direct_.valid() && reinterpret_cast<std::uintptr_t>(data) % block == 0;
  }
  [[noreturn]] void fail(const std::string& what, int error) const {
    throw DataError(Fault{folder_, what, std::strerror(error), "",
                          "give --out a folder on a disk with room, or set train.memory = \"exact\""});
  }

  std::string folder_;
  OpenFile cached_, direct_;
};

OptimizerOffload::OptimizerOffload(const std::filesystem::path& folder, std::vector<std::int64_t> sizes) {
  std::int64_t end = 0;
  for (const auto elements : sizes) {
    const auto bytes = 2 * half_bytes(elements);
    slots_.push_back({elements, end, bytes, Location::unused, false, {}});
    end += bytes;
  }
  file_ = std::make_unique<File>(folder, end);
  thread_ = std::thread([this] { work(); });
}

OptimizerOffload::~OptimizerOffload() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

OptimizerOffload::Pair OptimizerOffload::take(std::size_t slot) {
  std::unique_lock lock(mutex_);
  auto& s = slots_[slot];
  changed_.wait(lock, [&] { return !s.busy; });
  if (failed_) std::rethrow_exception(failed_);
  if (s.location == Location::disk) read_one(lock, slot);
  if (failed_) std::rethrow_exception(failed_);
  if (s.location == Location::unused) {
    s.pair = at::zeros({2, s.bytes / 2 / static_cast<std::int64_t>(sizeof(float))}, at::kFloat);
    s.location = Location::changed;
    in_memory_ += s.bytes;
  }
  std::erase(to_write_, slot);
  return {s.pair[0].narrow(0, 0, s.elements), s.pair[1].narrow(0, 0, s.elements)};
}

void OptimizerOffload::put(std::size_t slot) {
  {
    const std::lock_guard lock(mutex_);
    slots_[slot].location = Location::changed;
    to_write_.push_back(slot);
  }
  changed_.notify_all();
}

void OptimizerOffload::leave() {
  {
    std::unique_lock lock(mutex_);
    room_ = nullptr;
    changed_.wait(lock, [&] { return std::ranges::none_of(slots_, &Slot::busy); });
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      auto& s = slots_[i];
      if (s.location == Location::memory) forget(s);
      if (s.location == Location::changed && std::ranges::find(to_write_, i) == to_write_.end()) to_write_.push_back(i);
    }
  }
  changed_.notify_all();
}

void OptimizerOffload::fetch(Room room) {
  {
    const std::lock_guard lock(mutex_);
    room_ = std::move(room);
    next_ = 0;
  }
  changed_.notify_all();
}

std::int64_t OptimizerOffload::bytes_in_memory() const {
  const std::lock_guard lock(mutex_);
  return in_memory_;
}

void OptimizerOffload::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return failed_ || (to_write_.empty() && std::ranges::none_of(slots_, &Slot::busy)); });
}

void OptimizerOffload::work() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    while (room_ && next_ < slots_.size() && (slots_[next_].location != Location::disk || slots_[next_].busy)) ++next_;
    const bool reads = room_ && !failed_ && next_ < slots_.size();
    if (reads && room_(in_memory_) >= slots_[next_].bytes) {
      read_one(lock, next_);
    } else if (!to_write_.empty() && !failed_) {
      write_one(lock);
    } else if (reads) {
      changed_.wait_for(lock, std::chrono::milliseconds(20));  // the passes tell nobody when they free memory
    } else {
      changed_.wait(lock);
    }
  }
}

void OptimizerOffload::read_one(std::unique_lock<std::mutex>& lock, std::size_t slot) {
  auto& s = slots_[slot];
  s.busy = true;
  lock.unlock();
  at::Tensor pair;
  std::exception_ptr failure;
  try {
    pair = at::empty({2, s.bytes / 2 / static_cast<std::int64_t>(sizeof(float))}, at::kFloat);
    file_->read(pair.data_ptr(), static_cast<std::size_t>(s.bytes), static_cast<std::uint64_t>(s.offset));
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  s.busy = false;
  if (failure) {
    failed_ = failure;
  } else {
    s.pair = std::move(pair);
    s.location = Location::memory;
    in_memory_ += s.bytes;
  }
  changed_.notify_all();
}

void OptimizerOffload::write_one(std::unique_lock<std::mutex>& lock) {
  auto& s = slots_[to_write_.front()];
  to_write_.pop_front();
  s.busy = true;
  lock.unlock();
  std::exception_ptr failure;
  try {
    file_->write(s.pair.const_data_ptr(), static_cast<std::size_t>(s.bytes), static_cast<std::uint64_t>(s.offset));
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  s.busy = false;
  if (failure) {
    failed_ = failure;  // the pair stays in memory
  } else {
    forget(s);
  }
  changed_.notify_all();
}

void OptimizerOffload::forget(Slot& slot) {
  slot.pair = at::Tensor();
  slot.location = Location::disk;
  in_memory_ -= slot.bytes;
}

}  // namespace sam3lab
