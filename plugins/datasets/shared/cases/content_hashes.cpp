#include "plugins/datasets/shared/cases/content_hashes.h"

#include <fcntl.h>
#include <zlib.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <utility>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/base/open_file.h"

namespace sam3lab::datasets {
namespace {

constexpr std::uint32_t version_of_rows = 1;
constexpr std::size_t most_rows = 1'000'000;  // 112 MB
constexpr std::int64_t second_ns = 1'000'000'000, settled_ns = 2 * second_ns;

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * second_ns + time.tv_nsec; }

[[noreturn]] void unreadable(const std::string& file, int reason) {
  throw DataError(Fault{file, "cannot be read", std::strerror(reason), "a readable file", ""});
}

}  // namespace

ContentHashes::ContentHashes(std::string table) : table_(std::move(table)) { load(); }

ContentHashes::State ContentHashes::state_of(const struct stat& info) {
  return {std::uint64_t{info.st_dev}, std::uint64_t{info.st_ino}, static_cast<std::uint64_t>(info.st_size),
          nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

std::uint32_t ContentHashes::check_of(const Row& row) {
  return static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(&row), offsetof(Row, check)));
}

void ContentHashes::load() {
  static_assert(sizeof(Row) == 112, "a row has no gaps, whose bytes would be chance");
  const OpenFile file(::open(table_.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid() || !file.lock()) return;
  std::vector<Row> rows(file.bytes() / sizeof(Row));
  if (rows.empty() || !file.read(rows.data(), rows.size() * sizeof(Row), 0)) return;
  for (const auto& row : rows) {
    if (row.version == version_of_rows && row.check == check_of(row)) rows_.insert_or_assign(row.path, row);
  }
  if (rows_.size() > most_rows) rows_.clear();
  if (rows.size() <= 2 * rows_.size() + 1024) return;
  // Files that changed have left many rows behind. A kill in between costs rows, which are made anew.
  rows.clear();
  for (const auto& [path, row] : rows_) rows.push_back(row);
  if (file.cut(0)) static_cast<void>(file.write(rows.data(), rows.size() * sizeof(Row), 0));
}

void ContentHashes::append(const Row& row) {
  const OpenFile file(::open(table_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  // A table that cannot be written costs time and nothing else.
  if (!file.valid() || !file.lock()) return;
  const auto end = file.bytes() / sizeof(Row) * sizeof(Row);  // a writer that was killed may have left a part of a row
  if (file.bytes() == end || file.cut(end)) static_cast<void>(file.write(&row, sizeof(Row), end));
}

Sha256Digest ContentHashes::of(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) unreadable(file, errno);
  if (!S_ISREG(info.st_mode)) throw DataError(Fault{file, "no regular file", "", "a file", ""});
  Row row;
  row.path = sha256_digest(std::filesystem::absolute(file).lexically_normal().string());
  {
    const std::lock_guard guard(mutex_);
    const auto known = rows_.find(row.path);
    if (known != rows_.end() && known->second.state == state_of(info)) return known->second.content;
    ++files_read_;
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const OpenFile in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.valid() || ::fstat(in.descriptor(), &info) != 0) unreadable(file, errno);
  row.state = state_of(info);
  Sha256 digest;
  if (!digest.add(in)) unreadable(file, errno);
  row.content = digest.end();
  const bool settled = row.state.changed_ns < nanoseconds(now) - settled_ns &&  //
                       row.state.state_changed_ns < nanoseconds(now) - settled_ns;
  if (!settled || ::fstat(in.descriptor(), &info) != 0 || row.state != state_of(info)) return row.content;
  row.version = version_of_rows;
  row.check = check_of(row);
  append(row);
  const std::lock_guard guard(mutex_);
  rows_.insert_or_assign(row.path, row);
  return row.content;
}

std::int64_t ContentHashes::files_read() const {
  const std::lock_guard guard(mutex_);
  return files_read_;
}

}  // namespace sam3lab::datasets
