// Whose images are whose, where the file names do not tell: TOML.
//
//   "sequence 1" = [[1, 25]]          # images whose id's first number is 1 to 25
//   "patient 7" = ["0031", "0044"]    # or ids one by one
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sam3lab::datasets::paired_folders {

class SubjectTable {
 public:
  // Throws UsageError with every fault found: an entry that is not understood, ranges that overlap, an id of two subjects.
  explicit SubjectTable(const std::string& path);
  // Nothing if the table does not know the id.
  [[nodiscard]] std::optional<std::string> subject_of(const std::string& id) const;

 private:
  struct Range {
    std::int64_t last;
    std::string subject;
  };
  std::map<std::string, std::string> ids_;
  std::map<std::int64_t, Range> ranges_;  // by the first number
};

}  // namespace sam3lab::datasets::paired_folders
