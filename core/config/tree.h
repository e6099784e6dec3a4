// An experiment between TOML and its schemas: a flat map of leaves, so that layers merge key by key and each value knows its
// line.
#pragma once
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sam3lab/api/options.h>

namespace sam3lab {

// What TOML knows and an experiment does not take: a date, a table inside a list.
struct Unsupported {
  std::string type;
};

struct Value {
  std::variant<bool, std::int64_t, double, std::string, std::vector<Value>, Unsupported> data;
};

struct Leaf {
  Value value;
  std::string where;             // "a.toml:14", "--set a.b"
  std::filesystem::path folder;  // relative paths in the value start here
};

using KeyPath = std::vector<std::string>;

struct Tree {
  std::map<KeyPath, Leaf> leaves;
  std::map<KeyPath, std::string> tables;  // every table, empty ones too -> where it was opened first
};

[[nodiscard]] std::string dotted(const KeyPath& path);  // loss.box."odd key"
[[nodiscard]] std::string show(const Value& value);     // as TOML writes it, shortened for a message
[[nodiscard]] std::string kind_of(const Value& value);  // "text", "list", ...

// All entries of `map` at or below `prefix`.
template <class Mapped>
auto below(const std::map<KeyPath, Mapped>& map, const KeyPath& prefix) {
  std::vector<typename std::map<KeyPath, Mapped>::const_iterator> found;
  for (auto it = map.lower_bound(prefix); it != map.end(); ++it) {
    if (it->first.size() < prefix.size() || !std::equal(prefix.begin(), prefix.end(), it->first.begin())) break;
    found.push_back(it);
  }
  return found;
}

}  // namespace sam3lab
