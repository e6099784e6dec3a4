// The part of the ZIP format (APPNOTE 6.3, with ZIP64) that PyTorch and NumPy use: entries stored or deflated, one disk, no
// encryption.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/atomic_file.h"

namespace sam3lab::zip {

struct Entry {
  std::uint64_t begin = 0, packed = 0;  // offset and number of its bytes in the archive
  std::uint64_t size = 0;               // bytes when unpacked; equals `packed` if the entry is stored
  std::uint32_t crc = 0;                // 0 if the writer left it out
  bool deflated = false;
};
using Entries = std::map<std::string, Entry>;

enum class Packed { refused, allowed };
// Reads the directory of `archive`. Checks that each entry lies within the archive and overlaps no other. Compressed entries
// are refused unless they are allowed, so that the content cannot be larger than the file. Throws DataError with `path` in
// `where`.
Entries read_directory(std::string_view archive, const std::string& path, Packed packed = Packed::refused);

std::uint32_t crc32(std::string_view bytes);

// Writes stored entries. Their data begin at multiples of 64 bytes, so that a reader can map them.
class Writer {
 public:
  // Sizes and offsets of at least `wide_from` use ZIP64 fields. Tests pass a smaller value than the limit of the format.
  explicit Writer(const std::string& path, std::uint64_t wide_from = 0xFFFFFFFF) : file_(path), wide_from_(wide_from) {}
  void add(const std::string& name, std::string_view bytes);
  void commit();

 private:
  struct Written {
    std::string name;
    std::uint64_t header, size;
    std::uint32_t crc;
  };
  AtomicFile file_;
  std::uint64_t wide_from_;
  std::vector<Written> written_;
};

}  // namespace sam3lab::zip
