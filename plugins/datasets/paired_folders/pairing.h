// Which mask files belong to which image, by names alone: no image is opened.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sam3lab/api/dataset.h>

#include "plugins/datasets/paired_folders/options.h"

namespace sam3lab::datasets::paired_folders {

struct MaskSet {
  std::vector<std::string> files;  // below root, sorted; empty: the image has none
  bool one_object_each = false;    // the template left something open
};

struct Pair {
  std::string image, field_of_view, mark;           // below root
  std::vector<MaskSet> masks;                       // one a masks template
  std::optional<std::array<double, 2>> spacing_mm;  // row, column; unset: unknown
  Item item;
};

struct Pairing {
  std::vector<Pair> pairs;  // sorted by id, bytes
  std::vector<Fault> faults;
  std::int64_t skipped = 0;  // images left out for want of a mask
};

// Throws UsageError for templates and texts that are not understood, DataError for a root that cannot be read. What is wrong
// with the files comes as faults, one a kind, with the first few of them named.
Pairing pair_files(const PairedFoldersOptions& options);

}  // namespace sam3lab::datasets::paired_folders
