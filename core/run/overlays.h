// The overlays of a finished run.
#pragma once
#include <filesystem>

#include "core/eval/evaluate.h"
#include "core/record/run_record.h"

namespace sam3lab {

// For each dataset and prompt, the best, median and worst case after training by Dice: `<dataset>/<prompt>-best.png`, ... and
// overview.png with the median case of one prompt of each dataset. Returns the overview's path.
std::filesystem::path draw_overlays(const RunRecord& record, const Evaluator& evaluator, Backbone& model,
                                    const std::filesystem::path& folder);

}  // namespace sam3lab
