#include "core/tensor/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

namespace sam3lab {

std::shared_ptr<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw DataError(Fault{path, "cannot open the file", std::strerror(errno), "", "check the path"});
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw DataError(Fault{path, "not a regular file", "", "", "give the path of a file"});
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* data = nullptr;
  if (size > 0) {
    // Writable and private: a module that trains in place on mapped weights gets its own copy of a page.
    data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (data == MAP_FAILED) {
      const int reason = errno;
      ::close(fd);
      throw DataError(Fault{path, "cannot map the file into memory", std::strerror(reason), "", ""});
    }
  }
  ::close(fd);
  return std::shared_ptr<MappedFile>(new MappedFile(path, static_cast<char*>(data), size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

at::Tensor mapped_tensor(const std::shared_ptr<MappedFile>& file, std::size_t offset, at::ScalarType type,
                         at::IntArrayRef shape) {
  char* begin = file->data_ + offset;
  const auto options = at::TensorOptions().dtype(type);
  std::size_t count = 1;
  for (const auto length : shape) count *= static_cast<std::size_t>(length);
  if (count == 0) return at::empty(shape, options);
  const std::size_t width = c10::elementSize(type);
  if (reinterpret_cast<std::uintptr_t>(begin) % std::min<std::size_t>(width, alignof(std::max_align_t)) != 0) {
    at::Tensor copy = at::empty(shape, options);
    std::memcpy(copy.data_ptr(), begin, count * width);
    return copy;
  }
  return at::from_blob(
      begin, shape, [file](void*) {}, options);
}

bool all_bytes_boolean(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xFEU) == 0; });
}

}  // namespace sam3lab
