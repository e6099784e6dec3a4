#include "core/report/markdown.h"

#include <algorithm>

namespace sam3lab {
namespace {

// Characters, not bytes: texts may be in any script.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string markdown_table(const std::vector<TableRow>& rows, std::size_t first_number) {
  std::vector<std::size_t> width;
  for (const TableRow& row : rows) {
    if (row.size() > width.size()) width.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], width_of(row[i]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    text += "|";
    for (std::size_t i = 0; i < width.size(); ++i)
      text += " " + padded(i < rows[r].size() ? rows[r][i] : "", width[i], i >= first_number) + " |";
    text += "\n";
    if (r > 0) continue;
    text += "|";
    for (std::size_t i = 0; i < width.size(); ++i) text += std::string(width[i] + 1, '-') + (i >= first_number ? ":|" : "-|");
    text += "\n";
  }
  return text;
}

std::string printable(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = '?';
    if (c == '|') c = '/';
  }
  return out;
}

}  // namespace sam3lab
