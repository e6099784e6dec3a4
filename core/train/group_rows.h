// Parameter groups as the record and the plan list them.
#pragma once
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/record/run_record.h"

namespace sam3lab {

// In the order of `groups`.
std::vector<GroupRow> group_rows(const std::vector<ParameterGroup>& groups);

// What of `model` is in none of `groups`, with rate and decay 0: one row for each module of the model, named by the module path
// that its parameters share.
std::vector<GroupRow> frozen_rows(Backbone& model, const std::vector<ParameterGroup>& groups);

}  // namespace sam3lab
