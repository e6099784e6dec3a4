// Saves the batch at which training stopped, so that the cause can be examined.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/train/shard.h"

namespace sam3lab {

// Writes one safetensors file. For replica c it holds "c.images", "c.image_index", "c.num_boxes", "c.boxes", "c.masks" and,
// where there is one, "c.ignore"; its metadata are "texts" (JSON, one list per replica), "step" and "reason". Returns a clause
// for the error message: the path of the file, or why it could not be written.
std::string save_batches(const std::filesystem::path& file, const std::vector<Shard>& shards, std::int64_t step,
                         const std::string& reason);

}  // namespace sam3lab
