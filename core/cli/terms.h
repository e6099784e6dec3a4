// `list term` and `explain term/NAME`: the dictionary on the command line.
#pragma once
#include <string>

namespace sam3lab {

// `file`: empty stands for the dictionary of the recipes (core/config/recipes.h). All throw UsageError for a file that is no
// dictionary.
void list_terms(const std::string& file, bool json);
// `name`: a term, or a label of a dataset. UsageError for one that is neither, with the nearest name.
void explain_term(const std::string& file, const std::string& name, bool json);

}  // namespace sam3lab
