// A file, its parents and the overrides, merged key by key: the later one wins.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/tree.h"

namespace sam3lab {

struct Layers {
  Tree merged;                                 // parents, then the file
  std::vector<std::filesystem::path> parents;  // in the order of merging
  std::string source_text;                     // of the file itself
};

// Follows `extends`. A file that several parents lead to is merged once, at its first place. False if a file could not be read.
// `extends`, if given, takes the place of the file's own.
bool load_layers(const std::filesystem::path& file, Layers& layers, std::vector<Fault>& faults,
                 const std::optional<Leaf>& extends = std::nullopt);

// Lays `layer` over `base`. Where it changes the plugin of a table, what `base` says to the old plugin is dropped, apart from
// the keys that belong to the table and not to its plugin (role of a dataset).
void overlay(Tree& base, const Tree& layer);

// Key by key, without a thought of plugins.
void merge(Tree& base, const Tree& layer);

}  // namespace sam3lab
