// Tables in text beside a data set's images: RFC 4180, as spreadsheets and pandas write them.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sam3lab::datasets {

// Reads row by row: a table of a million rows needs no more memory than its text. Cells stand between commas, or between
// semicolons or tabs where the first line has no comma; quoted ones may hold separators, doubled quotes and line ends. A byte
// order mark, blanks around a cell, empty lines and both kinds of line end are passed over.
class CsvFile {
 public:
  // At most 16 MiB. Throws DataError that names the file, also for a quote that is never closed (when it is met).
  explicit CsvFile(const std::string& path);
  // The next row that is not empty; false at the end. `cells` is filled anew.
  bool next(std::vector<std::string>& cells);
  [[nodiscard]] std::size_t line() const { return line_; }  // of the row's beginning, from 1

 private:
  std::string cell();
  bool end_of_row();

  std::string path_, text_;
  std::string_view rest_;
  char separator_ = ',';
  std::size_t line_ = 0, lines_ = 0;
};

}  // namespace sam3lab::datasets
