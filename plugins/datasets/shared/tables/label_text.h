// A label table whose labels are said in words or colours: TOML.
//
//   "plasma cell" = ["plasma_cell", "Plasma Cell"]     # names in an annotation file
//   "polyp" = ["#FF0000", "#00FF00"]                   # colours of a mask
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/datasets/shared/tables/label_table.h"

namespace sam3lab::datasets {

struct LabelWords {
  std::string label;
  std::vector<std::string> words;  // at least one
};

// Sorted by label. A word may serve several labels. Throws UsageError with every fault found.
std::vector<LabelWords> read_label_words(const std::string& path);

// The same table with colours as words, each as 0xRRGGBB. Throws UsageError with every fault found.
std::vector<LabelEntry> read_colour_table(const std::string& path);

}  // namespace sam3lab::datasets
