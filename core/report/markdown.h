// Tables that read as well on a terminal as in a Markdown file.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace sam3lab {

using TableRow = std::vector<std::string>;

// The first row is the header. Columns from `first_number` on are set to the right. A row that is too short is filled up. Ends
// with a line end.
[[nodiscard]] std::string markdown_table(const std::vector<TableRow>& rows, std::size_t first_number);

// A text from a file as it may be shown: control characters become '?', and '|', which would end a cell, becomes '/'.
[[nodiscard]] std::string printable(const std::string& text);

}  // namespace sam3lab
