// Reads TOML, checked for what toml++ 3.3.0 does not survive. Small files that are no experiments (label tables, the
// dictionary) have read_toml.
#pragma once
#include <cstddef>
#include <string>
#include <variant>

#include <toml++/toml.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/export.h>

#include "core/base/toml_ascii.h"

namespace sam3lab {

struct TomlRules {
  int most_dots = 8;          // of one key
  bool long_strings = false;  // strings over several lines, in three quotes
};

// Why a text is no TOML: its first fault alone.
struct TomlRefusal {
  std::size_t line = 1;
  std::string what, fix;
};

// Keys and texts of the table are ASCII: `unescaped` (toml_ascii.h) restores them. `name` is the file's name in the table's
// nodes. A byte order mark is skipped.
SAM3LAB_API std::variant<toml::table, TomlRefusal> parse_toml_text(const std::string& text, const std::string& name,
                                                                   const TomlRules& rules);

// A file of at most 1 MiB, under the default rules. Throws UsageError that names the file, and the line where it can.
SAM3LAB_API toml::table read_toml(const std::string& path);

// "FILE:LINE" of a node, for messages.
inline std::string location_of(const std::string& path, const toml::node& node) {
  return path + ":" + std::to_string(node.source().begin.line);
}

}  // namespace sam3lab
