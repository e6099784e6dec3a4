// What `plan` says.
#pragma once
#include <string>
#include <vector>

#include "core/run/plan.h"

namespace sam3lab {

std::string plan_text(const std::vector<CellPlan>& cells);
// {"name", "cells": N, "seeds", "runs", "missing", then all of the first cell, "grid": [CELL, ...] where there are several}.
// A cell is {"settings", "datasets", "steps", ..., "groups": [{"name", "lr", "weight_decay", "tensors", "parameters",
// "trains"}]}: docs/howto/recipes.md. What is not known is null.
std::string plan_json(const std::vector<CellPlan>& cells);

}  // namespace sam3lab
