#include "core/config/toml_text.h"

#include <fstream>
#include <optional>
#include <variant>

#include "core/base/toml_file.h"

namespace sam3lab {
namespace {

Value to_value(const toml::node& node) {
  if (const auto* list = node.as_array()) {
    std::vector<Value> items;
    items.reserve(list->size());
    for (const toml::node& item : *list) items.push_back(to_value(item));
    return {std::move(items)};
  }
  if (const auto* flag = node.as_boolean()) return {flag->get()};
  if (const auto* integer = node.as_integer()) return {integer->get()};
  if (const auto* number = node.as_floating_point()) return {number->get()};
  if (const auto* text = node.as_string()) return {unescaped(text->get())};
  return {Unsupported{node.is_table() ? "table in a list" : "date or time"}};
}

// Where a node stands: a line of a file, or one fixed text for an override.
struct NodeLocation {
  std::string name;
  bool lines;
  std::filesystem::path folder;
  [[nodiscard]] std::string of(const toml::node& node) const {
    return lines ? name + ":" + std::to_string(node.source().begin.line) : name;
  }
};

void flatten(const toml::table& table, const KeyPath& path, const NodeLocation& location, Tree& tree) {
  for (const auto& [key, node] : table) {
    KeyPath child = path;
    child.push_back(unescaped(key.str()));
    if (const auto* inner = node.as_table()) {
      tree.tables[child] = location.of(node);
      flatten(*inner, child, location, tree);
    } else {
      tree.leaves[child] = {to_value(node), location.of(node), location.folder};
    }
  }
}

// The table, or one fault: the parser stops at the first syntax error of a file.
std::optional<toml::table> parse(const std::string& text, const NodeLocation& location, std::vector<Fault>& faults) {
  const auto at_line = [&location](std::size_t line) {
    return location.lines ? location.name + ":" + std::to_string(line) : location.name;
  };
  auto parsed = parse_toml_text(text, location.name, {.most_dots = 16, .long_strings = true});
  if (auto* table = std::get_if<toml::table>(&parsed)) return std::move(*table);
  const auto& refused = std::get<TomlRefusal>(parsed);
  faults.push_back({at_line(refused.line), "bad TOML: " + refused.what, "", "", refused.fix});
  return std::nullopt;
}

}  // namespace

bool read_text(const std::filesystem::path& file, const std::string& where, std::string& text, std::vector<Fault>& faults) {
  std::error_code error;
  const auto refuse = [&](const std::string& what, const std::string& expected) {
    faults.push_back({where, what, "", expected, ""});
    return false;
  };
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return refuse("there is no file " + file.string(), "");
  if (!std::filesystem::is_regular_file(status)) return refuse(file.string() + " is no file", "a TOML file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return refuse(file.string() + " cannot be opened", "a file that may be read");
  text.resize(largest_experiment + 1);
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return refuse(file.string() + " cannot be read", "");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > largest_experiment) return refuse(file.string() + " is too large", "at most 256 KiB");
  return true;
}

bool parse_toml(const std::string& text, const std::string& name, const std::filesystem::path& folder, Tree& tree,
                std::vector<Fault>& faults) {
  const NodeLocation location{name, true, folder};
  const auto table = parse(text, location, faults);
  if (table) flatten(*table, {}, location, tree);
  return table.has_value();
}

bool parse_override(const std::string& text, Tree& tree, std::vector<Fault>& faults) {
  const std::size_t equals = text.find('=');
  const NodeLocation location{"--set " + text.substr(0, equals), false, {}};
  if (equals == std::string::npos || equals == 0 || text.size() > largest_experiment) {
    faults.push_back({location.name, "no override", "", "KEY=VALUE, as in train.steps=10", ""});
    return false;
  }
  const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
  std::vector<Fault> first;
  auto table = parse_key(key).empty() || value.find('\n') != std::string::npos ? std::nullopt : parse(text, location, first);
  const bool plain = !value.empty() && std::string_view("\"'[{").find(value.front()) == std::string_view::npos &&
                     value.find_first_of("'\n") == std::string::npos;
  if (!table && plain && !parse_key(key).empty()) table = parse(key + "='" + value + "'", location, first);
  if (!table) {
    faults.push_back(first.empty() ? Fault{location.name, "no override", "", "a dotted key and one value", ""} : first.front());
    return false;
  }
  flatten(*table, {}, location, tree);
  return true;
}

KeyPath parse_key(const std::string& text) {
  if (text.find_first_of("\n=#") != std::string::npos) return {};
  std::vector<Fault> faults;
  const auto table = parse(text + "=0", {"key", false, {}}, faults);
  if (!table) return {};
  Tree tree;
  flatten(*table, {}, {"key", false, {}}, tree);
  return tree.leaves.size() == 1 ? tree.leaves.begin()->first : KeyPath{};
}

}  // namespace sam3lab
