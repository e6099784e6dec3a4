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
  std::uint64_t begin = 0, packed = 0;  // its bytes within the archive
  std::uint64_t size = 0;               // when unpacked; the same if it is stored
  std::uint32_t crc = 0;                // 0 where the writer left it out
  bool deflated = false;
};
using Entries = std::map<std::string, Entry>;

enum class Packed { refused, allowed };
// Reads the directory of `archive`. Every entry lies within the archive and overlaps no other, and is stored if packed ones are
// refused: what comes out can then never be larger than what went in. Throws DataError with `path` in `where`.
Entries read_directory(std::string_view archive, const std::string& path, Packed packed = Packed::refused);

std::uint32_t crc32(std::string_view bytes);

// Writes stored entries whose data begin at multiples of 64 bytes, so that a reader can map them.
class Writer {
 public:
  // Sizes and offsets from `wide_from` on use ZIP64 fields; a smaller value than the format's limit is for tests.
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
