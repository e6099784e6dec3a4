// The recipes of datasets for `sam3lab list dataset`.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/config/recipes.h"

namespace sam3lab {

// A text table with name, modality, role, licence, number of terms, encoding and state of the layout.
std::string recipes_text(const std::vector<Recipe>& recipes);
// One JSON object per recipe, which also has the terms, group key, source, citation and known defects.
nlohmann::ordered_json recipes_json(const std::vector<Recipe>& recipes);

}  // namespace sam3lab
