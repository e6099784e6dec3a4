// A file mapped into memory. Pages are private: writing to them does not change the file.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

class SAM3LAB_API MappedFile {
 public:
  // Throws DataError if the file is missing, unreadable or not a regular file. An empty file maps to zero bytes.
  static std::shared_ptr<MappedFile> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const char* data() const { return data_; }
  // `size` bytes from `offset`. The caller must check the range against size().
  [[nodiscard]] std::string_view view(std::size_t offset, std::size_t size) const { return {data_ + offset, size}; }

 private:
  MappedFile(std::string path, char* data, std::size_t size) : path_(std::move(path)), data_(data), size_(size) {}
  friend at::Tensor mapped_tensor(const std::shared_ptr<MappedFile>&, std::size_t, at::ScalarType, at::IntArrayRef);

  std::string path_;
  char* data_;
  std::size_t size_;
};

// A contiguous tensor on the file's bytes from `offset`. The caller must check that the file holds all of it. Bytes that are
// not aligned for the type are copied.
at::Tensor mapped_tensor(const std::shared_ptr<MappedFile>& file, std::size_t offset, at::ScalarType type,
                         at::IntArrayRef shape);

// Whether all bytes are 0 or 1. Other values in a bool tensor are undefined behaviour in compiled code.
bool all_bytes_boolean(std::string_view bytes);

}  // namespace sam3lab
