// A file that appears whole or not at all: written beside its place, flushed to disk, then renamed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sam3lab/api/export.h>

#include "core/base/open_file.h"

namespace sam3lab {

class SAM3LAB_API AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);  // throws DataError if the folder is missing or not writable
  ~AtomicFile();                                 // without commit(): the file's place is untouched, and nothing stays behind
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size);  // throws DataError, a full disk included
  void write(std::string_view text) { write(text.data(), text.size()); }
  [[nodiscard]] std::uint64_t position() const { return position_; }
  // false: not flushed to disk, so that a power cut may leave a damaged file; for what can be made again.
  void commit(bool flushed = true);

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_, temporary_;
  OpenFile file_;
  std::uint64_t position_ = 0;
};

}  // namespace sam3lab
