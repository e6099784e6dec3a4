// A folder of files that can be made again: each appears whole or not at all, all together stay below a bound, and those used
// longest ago leave first. Threads and processes may share it. `.lock` serialises writers and holds the sum of bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/shared/open_file.h"

namespace sam3lab {

class KeptFiles {
 public:
  // Makes the folder. Names are 64 hexadecimal digits and an ending; of `endings` the first leaves first, however lately it was
  // used. Throws DataError if the folder cannot be written.
  KeptFiles(std::string folder, std::uint64_t most_bytes, std::vector<std::string> endings);

  // Not valid if the file is not there. Counts as a use. A file that leaves meanwhile can still be read.
  [[nodiscard]] OpenFile open(const std::string& name) const;
  // False, and nothing is left behind, where the parts exceed the bound, the disk is nearly full or a write fails.
  bool keep(const std::string& name, const std::vector<std::string_view>& parts);
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  class Lock;
  [[nodiscard]] std::size_t rank_of(const std::string& name) const;  // place in `endings_`; their number for other files
  [[nodiscard]] bool is_left_behind(const std::string& name) const;
  [[nodiscard]] std::uint64_t make_room(std::uint64_t bytes) const;
  [[nodiscard]] bool write(const std::string& path, const std::vector<std::string_view>& parts) const;

  std::string folder_;
  std::uint64_t most_bytes_;
  std::vector<std::string> endings_;
};

}  // namespace sam3lab
