// Files that describe a dataset as it is downloaded, one `[dataset.NAME]` each: what they say, without data and without
// plugins.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/data_options.h"

namespace sam3lab {

struct Recipe {
  std::string name, use, encoding;
  std::string group;  // what the split keeps together: the plugin's `subject`; empty: each image is its own
  DatasetOptions common;
  std::vector<std::pair<std::string, std::string>> terms;  // label, its text in the dictionary (empty: it has none)
  std::filesystem::path file;
};

// `experiments/base/datasets` below the current folder, one above it, or one above the program; nothing if there is none.
std::optional<std::filesystem::path> find_recipes();

// All .toml of a folder, by name; texts come from dictionary.toml in the folder above. UsageError with every fault: an
// unreadable file, one without a dataset, a key that every dataset has with a wrong value.
std::vector<Recipe> read_recipes(const std::filesystem::path& folder);

}  // namespace sam3lab
