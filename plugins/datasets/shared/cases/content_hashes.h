// SHA-256 of files, kept in a table so that a file that has not changed is not read again.
//
// A row of the table is trusted only if path, device, inode, size, and the times of the last change of content and of state all
// agree with the file's. The time of state is the system's own: who writes into a file and sets its time back is seen. A row is
// made only of a file whose last change lay two seconds and more before it was read, for within the step of a file system's
// clock two contents may have one time.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "core/base/sha256.h"

namespace sam3lab::datasets {

class ContentHashes {
 public:
  // `table` is made at first need; rows that are damaged count as absent. Processes may share it.
  explicit ContentHashes(std::string table);

  // Throws DataError that names the file if it is no regular file or cannot be read. Safe to call from several threads.
  Sha256Digest of(const std::string& file);
  // Files that were read since construction.
  [[nodiscard]] std::int64_t files_read() const;

 private:
  struct State {
    std::uint64_t device = 0, inode = 0, bytes = 0;
    std::int64_t changed_ns = 0, state_changed_ns = 0;
    bool operator==(const State&) const = default;
  };
  struct Row {  // as it lies in the table
    Sha256Digest path{};
    State state;
    Sha256Digest content{};
    std::uint32_t version = 0, check = 0;
  };
  static State state_of(const struct stat& info);
  static std::uint32_t check_of(const Row& row);
  void load();
  void append(const Row& row);

  std::string table_;
  mutable std::mutex mutex_;
  std::map<Sha256Digest, Row> rows_;  // by the digest of the path
  std::int64_t files_read_ = 0;
};

}  // namespace sam3lab::datasets
