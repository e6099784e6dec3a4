// The lists of a COCO file, one entry in memory at a time.
#pragma once
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace sam3lab::datasets::coco {

// Calls `take(list, entry)` for each object that stands in a list at the top of the file, in the file's order; all else is
// passed over. Throws DataError for what is no JSON, nested deeper than 16, larger than 1 GiB, or has an entry of more than
// 2^22 values.
using TakeEntry = std::function<void(const std::string& list, const nlohmann::json& entry)>;
void stream_entries(const std::string& path, const TakeEntry& take);

}  // namespace sam3lab::datasets::coco
