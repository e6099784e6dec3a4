#include "plugins/datasets/paired_folders/spacing_table.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "plugins/datasets/shared/tables/csv_file.h"
#include "plugins/datasets/shared/paths/path_stem.h"

namespace sam3lab::datasets::paired_folders {
namespace {

constexpr double largest_mm = 1000.0;

// Cells are as long as whoever wrote the file likes.
std::string shortened(const std::string& text, std::size_t most) {
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

std::optional<double> size_in(const std::string& text) {
  double mm = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mm);
  if (error != std::errc() || end != text.data() + text.size() || !(mm > 0 && mm <= largest_mm)) return std::nullopt;
  return mm;
}

}  // namespace

SpacingTable::SpacingTable(const std::string& path, const SpacingColumns& columns) : path_(path), columns_(columns) {
  CsvFile file(path);
  std::vector<std::string> cells;
  file.next(cells);
  std::vector<std::size_t> places;
  std::vector<std::string> missing, wanted = {columns.name};
  wanted.insert(wanted.end(), columns.mm.begin(), columns.mm.end());
  for (const auto& column : wanted) {
    const auto found = std::find(cells.begin(), cells.end(), column);
    places.push_back(static_cast<std::size_t>(found - cells.begin()));
    if (found == cells.end()) missing.push_back(column);
  }
  if (!missing.empty()) {
    unreadable_.push_back(
        {path, "the table of pixel sizes lacks columns", shortened(fmt::format("{}", fmt::join(cells, ", ")), 200),
         fmt::format("{}", fmt::join(missing, ", ")), "name its columns: spacing_name = \"...\", spacing_mm = [\"...\"]"});
    return;
  }
  while (file.next(cells)) read(cells, places, file.line());
}

void SpacingTable::read(const std::vector<std::string>& cells, const std::vector<std::size_t>& places, std::size_t line) {
  const auto at = [&](std::size_t place) { return place < cells.size() ? cells[place] : std::string(); };
  Row row;
  for (std::size_t i = 1; i < places.size(); ++i) {
    const auto mm = size_in(at(places[i]));
    if (!mm) row.refused = fmt::format("'{}' in line {}", shortened(at(places[i]), 20), line);
    row.mm[i - 1] = mm.value_or(1.0);
  }
  if (places.size() == 2) row.mm[1] = row.mm[0];
  const auto name = at(places[0]);
  const auto [known, is_new] = rows_.emplace(name, row);
  if (!is_new && known->second.refused.empty() && known->second.mm != row.mm)
    known->second.refused = fmt::format("another size in line {}", line);
}

SpacingTable::Row* SpacingTable::find(const std::string& image) {
  const auto name = image.substr(image.rfind('/') + 1);
  for (const auto& key : {image, name, without_ending(image), without_ending(name)}) {
    if (const auto found = rows_.find(key); found != rows_.end()) return &found->second;
  }
  return nullptr;
}

std::array<double, 2> SpacingTable::of(const std::string& image) {
  if (!unreadable_.empty()) return {1.0, 1.0};
  auto* row = find(image);
  if (row == nullptr) {
    unknown_.add(image);
    return {1.0, 1.0};
  }
  if (!row->refused.empty()) refused_.add(image + " (" + row->refused + ")");
  if (row->image.empty()) {
    row->image = image;
  } else {
    shared_.add(row->image + " and " + image);
  }
  return row->refused.empty() ? row->mm : std::array<double, 2>{1.0, 1.0};
}

void SpacingTable::report(std::vector<Fault>& faults) const {
  faults.insert(faults.end(), unreadable_.begin(), unreadable_.end());
  unknown_.put_into(faults, path_, "images without a row in the table of pixel sizes", "column '" + columns_.name + "'",
                    "complete the table, exclude the images, or do without it: spacing_table = \"\", spacing_mm = []");
  refused_.put_into(faults, path_, "pixel sizes that are none", fmt::format("mm, more than 0 and at most {:.0f}", largest_mm),
                    "");
  shared_.put_into(faults, path_, "a row of the table of pixel sizes fits two images", "one image a row",
                   "write paths below root into column '" + columns_.name + "'");
}

}  // namespace sam3lab::datasets::paired_folders
