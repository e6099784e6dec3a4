// Leaves against a schema: types, ranges, unknown and missing keys.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/tree.h"

namespace sam3lab {

struct OptionTable {
  KeyPath path;       // {"loss", "box"}
  std::string where;  // for what is missing
  std::string owner;  // plugin name, or empty for a table of the program
  const Schema* schema;
  Texts other_keys = {};  // known here, but read by someone else
  bool report_unknown = true;
};

struct CheckedOptions {
  OptionValues values;    // defaults, then the file's values; relative paths joined to the folder of the file that names them
  OptionValues portable;  // the same, with those paths relative to `home`: equal on every machine
};

CheckedOptions check_options(const Tree& tree, const OptionTable& table, const std::filesystem::path& home,
                             std::vector<Fault>& faults);

}  // namespace sam3lab
