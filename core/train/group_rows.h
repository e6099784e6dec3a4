// Parameter groups as rows of the record and the plan.
#pragma once
#include <vector>

#include <sam3lab/api/scheme.h>

#include "core/record/run_record.h"

namespace sam3lab {

// In the order of `groups`.
std::vector<GroupRow> group_rows(const std::vector<ParameterGroup>& groups);

// The parameters of `model` that are in none of `groups`, with a learning rate and weight decay of 0. There is one row per
// module of the model that the backbone names; its name is the module path that all its parameters share.
std::vector<GroupRow> frozen_rows(Backbone& model, const std::vector<ParameterGroup>& groups);

}  // namespace sam3lab
