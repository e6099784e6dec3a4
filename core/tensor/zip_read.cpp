#include <algorithm>
#include <cstring>
#include <utility>

#include <sam3lab/api/error.h>

#include "core/tensor/zip.h"

namespace sam3lab::zip {
namespace {

constexpr std::uint64_t entry_limit = 1'000'000;
constexpr std::uint32_t wide = 0xFFFFFFFF;  // the value of a 32-bit field whose real value is in a ZIP64 field

// Reads little-endian fields of a byte range. A read past its end is an error.
class Fields {
 public:
  Fields(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}
  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, text(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view text(std::uint64_t size) {
    if (size > bytes_.size() - at_)
      throw DataError(Fault{path_, "the archive's directory is cut short", "", "", "fetch it again"});
    const auto piece = bytes_.substr(at_, static_cast<std::size_t>(size));
    at_ += piece.size();
    return piece;
  }
  void skip(std::uint64_t size) { text(size); }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::string_view bytes_;
  const std::string& path_;
  std::size_t at_ = 0;
};

[[noreturn]] void refuse(const std::string& path, const std::string& what, const std::string& got = "") {
  throw DataError(Fault{path, what, got, "", "the file is truncated or damaged: fetch it again"});
}

std::string_view piece(std::string_view archive, std::uint64_t begin, std::uint64_t size, const std::string& path) {
  if (begin > archive.size() || size > archive.size() - begin) refuse(path, "an offset of the archive lies past its end");
  return archive.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
}

struct Directory {
  std::uint64_t begin, size, entries;
};

// The end record is in the last 22 bytes, or before a comment of up to 65535 bytes.
Directory find_directory(std::string_view archive, const std::string& path) {
  constexpr std::size_t record = 22, comment = 65535, locator = 20;
  const std::size_t from = archive.size() > record + comment ? archive.size() - record - comment : 0;
  const auto at = archive.substr(from).rfind("PK\x05\x06");
  if (at == std::string_view::npos) refuse(path, "no ZIP archive: its end record is missing");
  Fields end(archive.substr(from + at), path);
  end.skip(4 + 2 + 2 + 2);  // signature, disk numbers, entries on this disk
  Directory directory{};
  directory.entries = end.take<std::uint16_t>();
  directory.size = end.take<std::uint32_t>();
  directory.begin = end.take<std::uint32_t>();
  if (end.take<std::uint16_t>() != end.left()) refuse(path, "the archive does not end where it says");
  if (directory.entries != 0xFFFF && directory.size != wide && directory.begin != wide) return directory;
  if (from + at < locator) refuse(path, "the archive's ZIP64 record is missing");
  Fields where(archive.substr(from + at - locator, locator), path);
  if (where.text(4) != "PK\x06\x07") return directory;  // real values that equal the mark of ZIP64
  where.skip(4);
  Fields big(piece(archive, where.take<std::uint64_t>(), 56, path), path);
  if (big.text(4) != "PK\x06\x06") refuse(path, "the archive's ZIP64 record is missing");
  big.skip(8 + 2 + 2 + 4 + 4 + 8);
  directory.entries = big.take<std::uint64_t>();
  directory.size = big.take<std::uint64_t>();
  directory.begin = big.take<std::uint64_t>();
  return directory;
}

// ZIP64 values are in the order of the 32-bit fields that are marked as too small.
void widen(std::string_view extra, std::uint64_t* const (&values)[3], const std::string& path) {
  Fields fields(extra, path);
  while (fields.left() >= 4) {
    const auto id = fields.take<std::uint16_t>();
    const auto size = fields.take<std::uint16_t>();
    Fields body(fields.text(size), path);
    if (id != 1) continue;
    for (auto* value : values) {
      if (*value == wide) *value = body.take<std::uint64_t>();
    }
    return;
  }
}

// Only the local header of an entry tells where its data begin: the extra fields of the two headers differ in length.
std::uint64_t data_begin(std::string_view archive, std::uint64_t header, const std::string& name, const std::string& path) {
  Fields local(piece(archive, header, 30, path), path);
  if (local.text(4) != "PK\x03\x04") refuse(path, "entry '" + name + "' has no header of its own");
  local.skip(22);
  const auto name_size = local.take<std::uint16_t>();
  const auto extra_size = local.take<std::uint16_t>();
  if (piece(archive, header + 30, name_size, path) != name)
    refuse(path, "entry '" + name + "' has another name in its own header");
  return header + 30 + name_size + extra_size;
}

}  // namespace

Entries read_directory(std::string_view archive, const std::string& path, Packed allowed) {
  const auto directory = find_directory(archive, path);
  if (directory.entries > entry_limit) refuse(path, "too many entries in the archive", std::to_string(directory.entries));
  Fields fields(piece(archive, directory.begin, directory.size, path), path);
  Entries entries;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (fields.text(4) != "PK\x01\x02") refuse(path, "the archive's directory is damaged");
    fields.skip(4);
    const auto flags = fields.take<std::uint16_t>();
    const auto method = fields.take<std::uint16_t>();
    fields.skip(4);
    Entry entry;
    entry.crc = fields.take<std::uint32_t>();
    entry.packed = fields.take<std::uint32_t>();
    entry.size = fields.take<std::uint32_t>();
    const auto name_size = fields.take<std::uint16_t>();
    const auto extra_size = fields.take<std::uint16_t>();
    const auto comment_size = fields.take<std::uint16_t>();
    fields.skip(2 + 2 + 4);
    std::uint64_t header = fields.take<std::uint32_t>();
    const std::string name(fields.text(name_size));
    widen(fields.text(extra_size), {&entry.size, &entry.packed, &header}, path);
    fields.skip(comment_size);
    entry.deflated = method == 8 && allowed == Packed::allowed;
    if ((flags & 1) != 0 || (!entry.deflated && (method != 0 || entry.packed != entry.size))) {
      throw DataError(
          Fault{path, "entry '" + name + "' is compressed or encrypted", "method " + std::to_string(method),
                allowed == Packed::allowed ? "an entry stored or deflated" : "a stored entry, as torch.save writes it",
                allowed == Packed::allowed ? "save it again" : "save the checkpoint again with torch.save"});
    }
    entry.begin = data_begin(archive, header, name, path);
    piece(archive, entry.begin, entry.packed, path);
    ranges.emplace_back(header, entry.begin + entry.packed);
    if (!entries.emplace(name, entry).second) refuse(path, "entry '" + name + "' occurs twice in the archive");
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) refuse(path, "entries of the archive overlap");
  }
  return entries;
}

}  // namespace sam3lab::zip
