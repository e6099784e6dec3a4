#include "core/train/moments_on_disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr std::int64_t block = 4096;  // of a disk: direct access wants places, sizes and memory in whole ones

std::int64_t half_bytes(std::int64_t numbers) {
  return (numbers * static_cast<std::int64_t>(sizeof(float)) + block - 1) / block * block;
}

}  // namespace

// Read and written past the system's cache, which would keep in memory what was to leave it; through it where the file system
// or the place of the memory allows nothing else.
class MomentsOnDisk::File {
 public:
  File(const std::filesystem::path& folder, std::int64_t bytes) : path_((folder / "moments-XXXXXX").string()) {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    cached_ = mkstemp(path_.data());
    if (cached_ < 0) fail(folder.string(), "cannot make a file for AdamW's moments", std::strerror(errno));
    direct_ = open(path_.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT);
    unlink(path_.c_str());
    path_ = folder.string();
    if (const int error = posix_fallocate(cached_, 0, bytes); error != 0) {
      const std::string what = std::strerror(error);
      close_both();
      fail(path_, fmt::format("no room for AdamW's moments, {:.1f} GB", static_cast<double>(bytes) / 1e9), what);
    }
  }
  ~File() { close_both(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(const void* data, std::int64_t bytes, std::int64_t offset) {
    transfer([](int fd, void* at, std::size_t n, off_t place) { return pwrite(fd, at, n, place); }, const_cast<void*>(data),
             bytes, offset, "cannot write AdamW's moments");
  }
  void read(void* data, std::int64_t bytes, std::int64_t offset) {
    transfer([](int fd, void* at, std::size_t n, off_t place) { return pread(fd, at, n, place); }, data, bytes, offset,
             "cannot read AdamW's moments");
  }

 private:
  template <class Call>
  void transfer(const Call& call, void* data, std::int64_t bytes, std::int64_t offset, const char* what) {
    bool direct = direct_ >= 0 && reinterpret_cast<std::uintptr_t>(data) % block == 0;
    for (std::int64_t done = 0; done < bytes;) {
      const auto moved = call(direct ? direct_ : cached_, static_cast<char*>(data) + done,
                              static_cast<std::size_t>(bytes - done), offset + done);
      if (moved > 0) {
        done += moved;
        direct = direct && moved % block == 0;
      } else if (moved < 0 && errno == EINVAL && direct) {
        direct = false;
      } else if (moved == 0 || errno != EINTR) {
        fail(path_, what, moved == 0 ? "end of file" : std::strerror(errno));
      }
    }
  }
  [[noreturn]] static void fail(const std::string& where, const std::string& what, const std::string& got) {
    throw DataError(Fault{where, what, got, "", "give --out a folder on a disk with room, or set train.memory = \"exact\""});
  }
  void close_both() const {
    if (direct_ >= 0) close(direct_);
    close(cached_);
  }

  std::string path_;
  int cached_ = -1, direct_ = -1;
};

MomentsOnDisk::MomentsOnDisk(const std::filesystem::path& folder, std::vector<std::int64_t> sizes) {
  std::int64_t end = 0;
  for (const auto numbers : sizes) {
    const auto bytes = 2 * half_bytes(numbers);
    slots_.push_back({numbers, end, bytes, Place::nowhere, false, {}});
    end += bytes;
  }
  file_ = std::make_unique<File>(folder, end);
  thread_ = std::thread([this] { work(); });
}

MomentsOnDisk::~MomentsOnDisk() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

MomentsOnDisk::Pair MomentsOnDisk::take(std::size_t slot) {
  std::unique_lock lock(mutex_);
  auto& s = slots_[slot];
  changed_.wait(lock, [&] { return !s.busy; });
  if (failed_) std::rethrow_exception(failed_);
  if (s.place == Place::disk) read_one(lock, slot);
  if (failed_) std::rethrow_exception(failed_);
  if (s.place == Place::nowhere) {
    s.pair = at::zeros({2, s.bytes / 2 / static_cast<std::int64_t>(sizeof(float))}, at::kFloat);
    s.place = Place::changed;
    in_memory_ += s.bytes;
  }
  std::erase(to_write_, slot);
  return {s.pair[0].narrow(0, 0, s.numbers), s.pair[1].narrow(0, 0, s.numbers)};
}

void MomentsOnDisk::put(std::size_t slot) {
  {
    const std::lock_guard lock(mutex_);
    slots_[slot].place = Place::changed;
    to_write_.push_back(slot);
  }
  changed_.notify_all();
}

void MomentsOnDisk::leave() {
  {
    std::unique_lock lock(mutex_);
    room_ = nullptr;
    changed_.wait(lock, [&] { return std::ranges::none_of(slots_, &Slot::busy); });
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      auto& s = slots_[i];
      if (s.place == Place::memory) forget(s);
      if (s.place == Place::changed && std::ranges::find(to_write_, i) == to_write_.end()) to_write_.push_back(i);
    }
  }
  changed_.notify_all();
}

void MomentsOnDisk::fetch(Room room) {
  {
    const std::lock_guard lock(mutex_);
    room_ = std::move(room);
    next_ = 0;
  }
  changed_.notify_all();
}

std::int64_t MomentsOnDisk::bytes_in_memory() const {
  const std::lock_guard lock(mutex_);
  return in_memory_;
}

void MomentsOnDisk::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return failed_ || (to_write_.empty() && std::ranges::none_of(slots_, &Slot::busy)); });
}

void MomentsOnDisk::work() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    while (room_ && next_ < slots_.size() && (slots_[next_].place != Place::disk || slots_[next_].busy)) ++next_;
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

void MomentsOnDisk::read_one(std::unique_lock<std::mutex>& lock, std::size_t slot) {
  auto& s = slots_[slot];
  s.busy = true;
  lock.unlock();
  at::Tensor pair;
  std::exception_ptr failure;
  try {
    pair = at::empty({2, s.bytes / 2 / static_cast<std::int64_t>(sizeof(float))}, at::kFloat);
    file_->read(pair.data_ptr(), s.bytes, s.offset);
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  s.busy = false;
  if (failure) {
    failed_ = failure;
  } else {
    s.pair = std::move(pair);
    s.place = Place::memory;
    in_memory_ += s.bytes;
  }
  changed_.notify_all();
}

void MomentsOnDisk::write_one(std::unique_lock<std::mutex>& lock) {
  auto& s = slots_[to_write_.front()];
  to_write_.pop_front();
  s.busy = true;
  lock.unlock();
  std::exception_ptr failure;
  try {
    file_->write(s.pair.const_data_ptr(), s.bytes, s.offset);
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  s.busy = false;
  if (failure) {
    failed_ = failure;  // the numbers stay in memory
  } else {
    forget(s);
  }
  changed_.notify_all();
}

void MomentsOnDisk::forget(Slot& slot) {
  slot.pair = at::Tensor();
  slot.place = Place::disk;
  in_memory_ -= slot.bytes;
}

}  // namespace sam3lab
