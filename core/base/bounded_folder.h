// A folder of files that can be made again: each appears whole or not at all, all together stay below a bound, and those used
// longest ago leave first. Threads and processes may share it. `.lock` serialises writers and holds the sum of bytes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/export.h>

#include "core/base/open_file.h"

namespace sam3lab {

class SAM3LAB_API BoundedFolder {
 public:
  struct Rules {
    std::uint64_t most_bytes = 0;
    // Names are 64 hexadecimal digits and one of these; files with the first leave first, however lately they were used.
    std::vector<std::string> endings;
    std::string holds, option;  // of messages: "the folder of <holds>", "set <option> to ...", "raise <option>_gb"
  };
  // Makes the folder. Throws DataError if it cannot be written.
  BoundedFolder(std::filesystem::path folder, Rules rules);

  void used(const std::string& name) const;  // now
  // Not valid if the file is not there. Counts as a use. A file that leaves meanwhile can still be read.
  [[nodiscard]] OpenFile open(const std::string& name) const;
  // Makes room for `bytes`, and calls write(path), which must put a file of about so many there, whole or not at all. Throws
  // DataError where they exceed the bound or the disk is nearly full, and what `write` throws; nothing is left behind then.
  void add(const std::string& name, std::uint64_t bytes, const std::function<void(const std::string& path)>& write) const;
  // add() of these bytes, one behind the other; false where it throws DataError.
  bool keep(const std::string& name, const std::vector<std::string_view>& parts) const;
  [[nodiscard]] std::filesystem::path path_of(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  class Lock;
  [[nodiscard]] std::size_t rank_of(const std::string& name) const;  // place in `endings`; their number for other files
  [[nodiscard]] bool is_left_behind(const std::string& name) const;
  [[nodiscard]] std::uint64_t make_room(std::uint64_t bytes) const;
  [[noreturn]] void refuse(const std::string& reason) const;

  std::filesystem::path folder_;
  Rules rules_;
};

}  // namespace sam3lab
