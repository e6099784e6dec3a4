// Scores that the ranks of a run computed apart, put together.
#pragma once
#include <vector>

#include "core/record/run_record.h"
#include "core/distributed/ranks.h"

namespace sam3lab {

// `rows` has a place for each item of the evaluation; those that this rank scored are filled. Afterwards, in every rank, all
// are. false if any rank was stopped: `rows` is then of no use.
bool gather_scores(const Ranks& ranks, bool stopped, std::vector<std::vector<ScoreRow>>& rows);

}  // namespace sam3lab
