// Parameter groups that do not follow the schedule (train.constant_rate).
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/options.h>
#include <sam3lab/api/scheme.h>

namespace sam3lab {

// For each group, whether all its parameters match one of `patterns` (shell patterns; * crosses dots). UsageError for a pattern
// that matches nothing that trains, and for a group of which a part matches: it has one rate.
std::vector<bool> constant_rates(const std::vector<ParameterGroup>& groups, const Texts& patterns);

// Ends the name of each such group in ".constant_rate", by which plan and record tell it from the others.
void name_constant_rates(std::vector<ParameterGroup>& groups, const Texts& patterns);
bool keeps_rate(const std::string& group_name);

}  // namespace sam3lab
