#include "plugins/datasets/shared/tables/label_text.h"

#include <algorithm>
#include <set>

#include "core/base/toml_file.h"

namespace sam3lab::datasets {
namespace {

bool is_colour(const std::string& word) {
  return word.size() == 7 && word[0] == '#' && word.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
}

// Entries as they stand in the file; `expected` says what a word must be.
std::vector<LabelWords> read_entries(const std::string& path, const std::string& expected, bool colours) {
  const auto table = read_toml(path);
  std::vector<LabelWords> entries;
  std::vector<Fault> faults;
  for (const auto& [key, node] : table) {
    LabelWords entry{unescaped(key.str()), {}};
    if (entry.label.empty()) faults.push_back({location_of(path, node), "a label without a name", "", "", ""});
    const auto* array = node.as_array();
    if (array == nullptr || array->empty()) {
      faults.push_back({location_of(path, node), "label '" + entry.label + "' has no list", "", expected, ""});
      continue;
    }
    std::set<std::string> seen;
    for (const auto& item : *array) {
      const auto text = item.value_exact<std::string>();
      const auto word = text ? unescaped(*text) : "";
      if (word.empty() || (colours && !is_colour(word))) {
        faults.push_back(
            {location_of(path, item), "an entry of label '" + entry.label + "' is not understood", word, expected, ""});
      } else if (!seen.insert(word).second) {
        faults.push_back({location_of(path, item), "label '" + entry.label + "' lists an entry twice", word, "", ""});
      } else {
        entry.words.push_back(word);
      }
    }
    entries.push_back(std::move(entry));
  }
  if (table.empty()) faults.push_back({path, "the label table is empty", "", expected, ""});
  if (!faults.empty()) throw UsageError(faults);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
  return entries;
}

}  // namespace

std::vector<LabelWords> read_label_words(const std::string& path) {
  return read_entries(path, "a list of texts such as [\"plasma_cell\"]", false);
}

std::vector<LabelEntry> read_colour_table(const std::string& path) {
  std::vector<LabelEntry> entries;
  for (const auto& [label, words] : read_entries(path, "a list of colours such as [\"#FF0000\"]", true)) {
    LabelEntry entry{label, false, {}};
    for (const auto& word : words) entry.values.push_back(std::stol(word.substr(1), nullptr, 16));
    std::sort(entry.values.begin(), entry.values.end());
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace sam3lab::datasets
