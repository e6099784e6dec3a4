// A file descriptor that closes, with reads and writes that are whole or fail. For files that may be damaged: a file is read,
// not mapped, since one that somebody cuts short while it is mapped ends the process.
#pragma once
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sam3lab {

class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] bool valid() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  // 0 for what is no regular file.
  [[nodiscard]] std::uint64_t bytes() const {
    struct stat info {};
    return ::fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
  }
  // Waits until no other thread or process holds it; held until the file closes.
  [[nodiscard]] bool lock() const {
    while (::flock(descriptor_, LOCK_EX) != 0) {
      if (errno != EINTR) return false;
    }
    return true;
  }
  [[nodiscard]] bool cut(std::uint64_t bytes) const { return ::ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0; }

  // All of it from `offset` on, or false. Safe to call from several threads.
  [[nodiscard]] bool read(void* to, std::size_t bytes, std::uint64_t offset) const {
    return whole(static_cast<char*>(to), bytes, offset, ::pread);
  }
  [[nodiscard]] bool write(const void* from, std::size_t bytes, std::uint64_t offset) const {
    return whole(static_cast<const char*>(from), bytes, offset, ::pwrite);
  }

 private:
  template <class Byte, class Call>
  bool whole(Byte* at, std::size_t bytes, std::uint64_t offset, Call call) const {
    while (bytes > 0) {
      const auto done = call(descriptor_, at, std::min<std::size_t>(bytes, std::size_t{1} << 30), static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return false;
      at += done;
      offset += static_cast<std::uint64_t>(done);
      bytes -= static_cast<std::size_t>(done);
    }
    return true;
  }

  int descriptor_ = -1;
};

}  // namespace sam3lab
