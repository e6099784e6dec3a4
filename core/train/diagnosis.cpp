#include "core/train/diagnosis.h"

#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"

namespace sam3lab {

std::string save_batches(const std::filesystem::path& file, const std::vector<Shard>& shards, std::int64_t step,
                         const std::string& reason) {
  Tensors tensors;
  auto texts = nlohmann::json::array();
  for (std::size_t c = 0; c < shards.size(); ++c) {
    texts.push_back(shards[c].whole.texts);
    if (shards[c].empty()) continue;
    const auto& batch = shards[c].whole;
    const auto copy = std::to_string(c) + ".";
    tensors[copy + "images"] = batch.images;
    tensors[copy + "image_index"] = batch.image_index;
    tensors[copy + "num_boxes"] = batch.targets.num_boxes;
    tensors[copy + "boxes"] = batch.targets.boxes;
    tensors[copy + "masks"] = batch.targets.masks;
    if (batch.targets.ignore.defined()) tensors[copy + "ignore"] = batch.targets.ignore;
    if (batch.box_prompts.boxes.defined()) {
      tensors[copy + "box_prompts"] = batch.box_prompts.boxes;
      tensors[copy + "box_prompts_padding"] = batch.box_prompts.padding;
    }
  }
  try {
    write_safetensors(file.string(), tensors, {{"texts", texts.dump()}, {"step", std::to_string(step)}, {"reason", reason}});
  } catch (const Error& error) {  // a full disk must not hide why training stopped
    return "its batch could not be saved: " + std::string(error.what());
  }
  return "its batch is in " + file.string();
}

}  // namespace sam3lab
