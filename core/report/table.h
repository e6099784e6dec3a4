// The figures of a run as text that reads as well on a terminal as in a Markdown file.
#pragma once
#include <string>

#include "core/record/run_record.h"
#include "core/report/markdown.h"

namespace sam3lab {

// What the figures are (caveat, protocol), one row a prompt and a mean a modality, then external datasets, the off-prompt
// firing rate and the shuffled prompts. "-": no samples. Ends with a line end.
std::string results_table(const RunRecord& record);

}  // namespace sam3lab
