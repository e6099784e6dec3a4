// Small TOML files that are no experiments: label tables, the dictionary.
#pragma once
#include <string>

#include <toml++/toml.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/export.h>

#include "core/base/toml_ascii.h"

namespace sam3lab {

// At most 1 MiB of TOML without strings over several lines, and with at most 8 dots in a key. Throws UsageError that names the
// file, and the line where it can.
// Keys and texts of the table are ASCII: `unescaped` (toml_ascii.h) gives them as they stand in the file.
SAM3LAB_API toml::table read_toml(const std::string& path);

inline std::string place(const std::string& path, const toml::node& node) {
  return path + ":" + std::to_string(node.source().begin.line);
}

}  // namespace sam3lab
