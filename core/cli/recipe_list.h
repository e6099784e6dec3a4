// The recipes of datasets, as `sam3lab list dataset` shows them beside the plugins.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config/recipes.h"

namespace sam3lab {

// A table with name, modality, role, licence, number of terms, encoding and state of the layout.
std::string recipes_text(const std::vector<Recipe>& recipes);
// One object a recipe, with the terms, the group key, source, citation and known defects as well.
nlohmann::ordered_json recipes_json(const std::vector<Recipe>& recipes);

}  // namespace sam3lab
