#include "core/tensor/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), temporary_(path + ".XXXXXX") {
  fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd_ < 0) fail("cannot create the file");
  const mode_t mask = ::umask(0);  // mkostemp makes private files; the published one gets the usual rights
  ::umask(mask);
  ::fchmod(fd_, 0666 & ~mask);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::fail(const char* what) const {
  throw DataError(Fault{path_, what, std::strerror(errno), "", "check the folder, its rights and the free space"});
}

void AtomicFile::write(const void* data, std::size_t size) {
  const auto* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(fd_, from, std::min<std::size_t>(size, std::size_t{1} << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail("cannot write the file");
    from += done;
    size -= static_cast<std::size_t>(done);
    position_ += static_cast<std::uint64_t>(done);
  }
}

void AtomicFile::commit(bool flushed) {
  if (flushed && ::fsync(fd_) != 0) fail("cannot write the file to disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot put the file in its place");
  ::close(fd_);
  fd_ = -1;
  if (!flushed) return;
  // The rename itself lives in the folder: without this it may be lost in a power cut.
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

}  // namespace sam3lab
