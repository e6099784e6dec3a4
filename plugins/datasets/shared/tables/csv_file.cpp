#include "plugins/datasets/shared/tables/csv_file.h"

#include <algorithm>

#include <sam3lab/api/error.h>

#include "plugins/datasets/shared/tables/xml_file.h"

namespace sam3lab::datasets {
namespace {

constexpr std::size_t most_csv_bytes = std::size_t{16} << 20;

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Of the first line, outside of quotes.
char separator_of(std::string_view text) {
  bool quoted = false;
  std::string_view found;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == ',') return ',';
    if (c == ';') found = ";";
    if (c == '\t' && found.empty()) found = "\t";
    if (c == '\r' || c == '\n') break;
  }
  return found.empty() ? ',' : found.front();
}

}  // namespace

CsvFile::CsvFile(const std::string& path) : path_(path), text_(read_text_file(path, most_csv_bytes)), rest_(text_) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  separator_ = separator_of(rest_);
}

std::string CsvFile::cell() {
  while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  std::string value;
  const bool quoted = !rest_.empty() && rest_.front() == '"';
  if (quoted) {
    rest_.remove_prefix(1);
    while (true) {
      const auto quote = rest_.find('"');
      if (quote == std::string_view::npos) {
        throw DataError(Fault{path_ + ":" + std::to_string(line_), "a quote that is not closed", "",
                              "a table of comma-separated values", ""});
      }
      value += rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      value += '"';
      rest_.remove_prefix(1);
    }
    lines_ += static_cast<std::size_t>(std::count(value.begin(), value.end(), '\n'));
  }
  const char stops[] = {separator_, '\r', '\n'};
  const auto stop = std::min(rest_.find_first_of(std::string_view(stops, sizeof stops)), rest_.size());
  value += trimmed(rest_.substr(0, stop));
  rest_.remove_prefix(stop);
  return value;
}

bool CsvFile::end_of_row() {
  if (rest_.empty()) return true;
  if (rest_.front() == separator_) return rest_.remove_prefix(1), false;
  rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
  ++lines_;
  return true;
}

bool CsvFile::next(std::vector<std::string>& cells) {
  while (!rest_.empty()) {
    cells.clear();
    line_ = lines_ + 1;
    do cells.push_back(cell());
    while (!end_of_row());
    if (cells.size() > 1 || !cells.front().empty()) return true;
  }
  return false;
}

}  // namespace sam3lab::datasets
