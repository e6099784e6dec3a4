// The canonical text of a checked experiment.
#pragma once
#include <string>
#include <vector>

#include "core/config/tree.h"

namespace sam3lab {

// One table with all its values. `use` is empty for tables of the program.
struct ResolvedTable {
  KeyPath path;
  std::string use;
  OptionValues values;
};

// The tables in the order given, their keys in alphabetical order: equal settings give equal text.
[[nodiscard]] std::string write_tables(const std::vector<ResolvedTable>& tables);

}  // namespace sam3lab
