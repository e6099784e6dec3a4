// `list term` and `explain term/NAME`: the dictionary on the command line.
#pragma once
#include <string>

namespace sam3lab {

// Where the repository keeps it, as seen from its root.
inline constexpr const char* usual_dictionary = "experiments/base/dictionary.toml";

// Throw UsageError for a file that is no dictionary.
void list_terms(const std::string& dictionary, bool json);
// `name`: a term, or a label of a dataset. UsageError for one that is neither, with the nearest name.
void explain_term(const std::string& dictionary, const std::string& name, bool json);

}  // namespace sam3lab
