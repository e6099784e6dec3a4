// The batch at which training stopped, for whoever wants to know why.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/train/shard.h"

namespace sam3lab {

// One safetensors file: for copy c "c.images", "c.image_index", "c.num_boxes", "c.boxes", "c.masks" and,
// where there is one, "c.ignore"; metadata "texts" (JSON, a list a copy), "step" and "reason". Returns what to say about it:
// where it is, or why it could not be written.
std::string save_batches(const std::filesystem::path& file, const std::vector<Shard>& shards, std::int64_t step,
                         const std::string& reason);

}  // namespace sam3lab
