// The statistics of a run as text that reads as well on a terminal as in a Markdown file.
#pragma once
#include <string>

#include "core/record/summary.h"
#include "core/report/markdown.h"

namespace sam3lab {

// What the scores show (caveats, protocol), one row per prompt and a mean per modality, then external datasets, the off-prompt
// firing rate and the shuffled prompts. The headline metric has a column before and one after training, so has a metric of
// another unit or direction; others have one after training. "-": no samples. Ends with a line end.
std::string results_table(const Summary& summary);

}  // namespace sam3lab
