#include "core/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

// mkostemp makes private files. Asked once, for asking sets the mask for a moment, in which another thread may make a file.
mode_t usual_rights() {
  static const mode_t mask = [] {
    const auto mine = ::umask(0);
    ::umask(mine);
    return mine;
  }();
  return 0666 & ~mask;
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), temporary_(path + ".XXXXXX") {
  file_ = OpenFile(::mkostemp(temporary_.data(), O_CLOEXEC));
  if (!file_.valid()) fail("cannot create the file");
  ::fchmod(file_.descriptor(), usual_rights());
}

AtomicFile::~AtomicFile() {
  if (file_.valid()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what) const {
  throw DataError(Fault{path_, what, std::strerror(errno), "", "check the folder, its rights and the free space"});
}

void AtomicFile::write(const void* data, std::size_t size) {
  if (!file_.write(data, size, position_)) fail("cannot write the file");
  position_ += size;
}

void AtomicFile::commit(bool flushed) {
  if (flushed && ::fsync(file_.descriptor()) != 0) fail("cannot write the file to disk");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot put the file in its place");
  file_ = OpenFile();
  if (!flushed) return;
  // The rename itself lives in the folder: without this it may be lost in a power cut.
  const OpenFile folder(::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) ::fsync(folder.descriptor());
}

}  // namespace sam3lab
