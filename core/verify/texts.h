// Labels, their texts, and what the published evaluator asks: do they speak of one thing?
#pragma once
#include <string>
#include <vector>

#include "core/verify/findings.h"
#include "core/verify/scan.h"

namespace sam3lab {

// A label without a text; one text for two labels of a dataset, or for different labels of two; a published prompt that names
// something else than the labels. `with_prompts`: the experiment has prompts at all.
std::vector<Finding> check_texts(const std::vector<VerifiedDataset>& datasets, bool with_prompts);

// May `prompt` mean what `label` names? Yes if both end with the same word (plural or not), or one has all words of the other;
// "optic disc and cup" is two prompts.
bool may_mean(const std::string& prompt, const std::string& label);

}  // namespace sam3lab
