// A split as a file: JSON with the ids of each side and the SHA-256 that a record has of them.
//   {"format": "sam3lab-split-1", "datasets": {"NAME": {"sha256": "...", "train": [...], "held_out": [...], "dropped": [...]}}}
#pragma once
#include <filesystem>
#include <vector>

#include "core/data/split.h"

namespace sam3lab {

// SHA-256 of the sides and ids of all items, in order.
std::string split_sha256(const SplitSource& source, const Split& split);

void write_splits(const std::filesystem::path& file, const std::vector<SplitSource>& sources, const std::vector<Split>& splits);

// Throws DataError with every fault: a dataset or an item that the file lacks, or has and the data lack, an item on two sides,
// a subject that trains and is held out where it is not cut into blocks.
std::vector<Split> read_splits(const std::filesystem::path& file, const std::vector<SplitSource>& sources);

}  // namespace sam3lab
