// Parameter groups that do not follow the schedule (train.constant_rate).
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/options.h>
#include <sam3lab/api/scheme.h>

namespace sam3lab {

// For each group: whether all its parameters match one of `patterns` (shell patterns; * matches dots, too). UsageError where a
// pattern matches no trainable parameter, and where only some parameters of a group match: a group has one learning rate.
std::vector<bool> constant_rates(const std::vector<ParameterGroup>& groups, const Texts& patterns);

// Appends ".constant_rate" to the names of these groups. Plan and record recognise them by it.
void name_constant_rates(std::vector<ParameterGroup>& groups, const Texts& patterns);
bool keeps_rate(const std::string& group_name);

}  // namespace sam3lab
