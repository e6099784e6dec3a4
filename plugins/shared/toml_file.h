// Small TOML files that plugins read for themselves.
#pragma once
#include <string>

#include <toml++/toml.h>

#include <sam3lab/api/error.h>

namespace sam3lab {

// Throws UsageError that names the file, and the line where it can.
inline toml::table read_toml(const std::string& path) {
  try {
    return toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    throw UsageError(Fault{line > 0 ? path + ":" + std::to_string(line) : path, std::string(error.description()), "", "",
                           line > 0 ? "" : "check that the file is there"});
  }
}

inline std::string place(const std::string& path, const toml::node& node) {
  return path + ":" + std::to_string(node.source().begin.line);
}

}  // namespace sam3lab
