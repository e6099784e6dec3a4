#include "core/config/toml_text.h"

#include <fstream>
#include <optional>

#include <toml++/toml.h>

#include "core/base/toml_ascii.h"

namespace sam3lab {
namespace {

constexpr int most_dots = 16;  // of one key

// What the parser must not see. Its tables nest, and are released, by recursion: a key of many dots would overflow the stack.
// And version 3.3.0 runs into undefined behaviour where it tests a character outside ASCII for white space, which it does
// outside strings and behind the backslash of a multi-line string. TOML allows no such character outside strings anyway. The
// parser is given escaped text besides: it and Screen disagree on where a string begins once there is a quote within a bare
// word.
class Screen {
 public:
  explicit Screen(std::string_view text) : text_(text) {
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // byte order mark
  }

  // Empty if the text may be parsed; line() is then of no use.
  std::string objection() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        if (!skip_string(c)) return "a letter outside ASCII behind a backslash at the end of a line";
        continue;
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        continue;
      }
      if (static_cast<unsigned char>(c) >= 0x80) return "a letter outside ASCII that no quotes enclose";
      if (c == '.' && ++dots_ > most_dots) return "a key of more than " + std::to_string(most_dots) + " dots";
      if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) dots_ = 0;
      if (c == '\n') ++line_;
      ++at_;
    }
    return "";
  }
  [[nodiscard]] std::size_t line() const { return line_; }

 private:
  // False at a backslash of a multi-line string whose next visible character is outside ASCII.
  bool skip_string(char quote) {
    const std::string triple(3, quote);
    const bool long_form = text_.substr(at_, 3) == triple;
    at_ += long_form ? 3 : 1;
    while (at_ < text_.size()) {
      if (text_[at_] == '\n' && !long_form) return true;
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == '\\' && quote == '"') {
        const std::size_t visible = text_.find_first_not_of(" \t\r\n", at_ + 1);
        if (long_form && visible != std::string_view::npos && static_cast<unsigned char>(text_[visible]) >= 0x80) return false;
        if (text_.substr(at_ + 1, 1) != "\n") ++at_;  // the line is counted above
      } else if (long_form ? text_.substr(at_, 3) == triple : text_[at_] == quote) {
        at_ += long_form ? 3 : 1;
        // Up to two quotes before the closing ones belong to the string: """a""""".
        for (int extra = 0; long_form && extra < 2 && at_ < text_.size() && text_[at_] == quote; ++extra) ++at_;
        return true;
      }
      ++at_;
    }
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
  int dots_ = 0;
};

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
struct Place {
  std::string name;
  bool lines;
  std::filesystem::path folder;
  [[nodiscard]] std::string of(const toml::node& node) const {
    return lines ? name + ":" + std::to_string(node.source().begin.line) : name;
  }
};

void flatten(const toml::table& table, const KeyPath& path, const Place& place, Tree& tree) {
  for (const auto& [key, node] : table) {
    KeyPath child = path;
    child.push_back(unescaped(key.str()));
    if (const auto* inner = node.as_table()) {
      tree.tables[child] = place.of(node);
      flatten(*inner, child, place, tree);
    } else {
      tree.leaves[child] = {to_value(node), place.of(node), place.folder};
    }
  }
}

// The table, or the fault that the parser found. The library gives up at a file's first syntax error.
std::optional<toml::table> parse(const std::string& text, const Place& place, std::vector<Fault>& faults) {
  const auto at_line = [&place](std::size_t line) {
    return place.lines ? place.name + ":" + std::to_string(line) : place.name;
  };
  const auto refuse = [&](std::size_t line, const std::string& what) {
    faults.push_back({at_line(line), "bad TOML: " + what, "", "", ""});
    return std::nullopt;
  };
  if (!is_utf8(text)) return refuse(1, "the text is no UTF-8");
  if (escapes_tilde(text)) return refuse(1, "a tilde as a \\u escape; write ~ itself");
  Screen screen(text);
  if (const std::string objection = screen.objection(); !objection.empty()) return refuse(screen.line(), objection);
  const std::string_view mark = "\xef\xbb\xbf";  // byte order mark
  try {
    return toml::parse(escaped(std::string_view(text).substr(text.starts_with(mark) ? mark.size() : 0)), place.name);
  } catch (const toml::parse_error& error) {
    return refuse(error.source().begin.line, unescaped(error.description()));
  }
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
  const Place place{name, true, folder};
  const auto table = parse(text, place, faults);
  if (table) flatten(*table, {}, place, tree);
  return table.has_value();
}

bool parse_override(const std::string& text, Tree& tree, std::vector<Fault>& faults) {
  const std::size_t equals = text.find('=');
  const Place place{"--set " + text.substr(0, equals), false, {}};
  if (equals == std::string::npos || equals == 0 || text.size() > largest_experiment) {
    faults.push_back({place.name, "no override", "", "KEY=VALUE, as in train.steps=10", ""});
    return false;
  }
  const std::string key = text.substr(0, equals), value = text.substr(equals + 1);
  std::vector<Fault> first;
  auto table = parse_key(key).empty() || value.find('\n') != std::string::npos ? std::nullopt : parse(text, place, first);
  const bool plain = !value.empty() && std::string_view("\"'[{").find(value.front()) == std::string_view::npos &&
                     value.find_first_of("'\n") == std::string::npos;
  if (!table && plain && !parse_key(key).empty()) table = parse(key + "='" + value + "'", place, first);
  if (!table) {
    faults.push_back(first.empty() ? Fault{place.name, "no override", "", "a dotted key and one value", ""} : first.front());
    return false;
  }
  flatten(*table, {}, place, tree);
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
