// The figures of a run, computed from its score rows and never stored apart from them.
#pragma once
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "core/record/run_record.h"

namespace sam3lab {

// {"name", "identity", "seed", "finished", "caveat", "seconds",
//  "internal": {"before": {"dice", "iou", "dice_ungated", "dice_merged", "off_prompt_rate", "n"}, "after": {...}},
//  "external": {the same}, "per_modality": {name: {"n", "before", "after"}}, "prompts": {name: {"n", "before", "after"}},
//  "shuffled_prompts": {"n", "after", "shuffled"}, "per_dataset": {...}}
// Dice is the macro mean over prompts of the mean over samples whose truth is not empty; off_prompt_rate is the share of the
// other (sample, prompt) pairs on which the model fired. A figure without samples is null.
nlohmann::json summarise(const RunRecord& record);

}  // namespace sam3lab
