// `list term` and `explain term/NAME`: print the dictionary of terms.
#pragma once
#include <string>

namespace sam3lab {

// `file`: a dictionary; empty for that of the recipes (core/config/recipes.h). Both functions throw UsageError if it is no
// dictionary.
void list_terms(const std::string& file, bool json);
// `name`: a term, or a label of a dataset. UsageError with the most similar name if it is neither.
void explain_term(const std::string& file, const std::string& name, bool json);

}  // namespace sam3lab
