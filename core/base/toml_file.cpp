#include "core/base/toml_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

namespace sam3lab {
namespace {

constexpr std::size_t largest_toml_file = std::size_t{1} << 20;  // bytes

std::string content(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, ignored) || !file) {
    throw UsageError(Fault{path, "cannot be read", "", "a TOML file", "check that the file is there"});
  }
  std::string text(largest_toml_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_toml_file) throw UsageError(Fault{path, "too large", "", "at most 1 MiB", ""});
  return text;
}

// The line of a tilde that is written as an escape; nothing without one. The parser would turn it into a tilde that `unescaped`
// takes for the mark of an escaped byte.
std::optional<std::size_t> line_of_escaped_tilde(std::string_view text) {
  for (const std::string_view escape : std::array<std::string_view, 4>{"\\u007e", "\\u007E", "\\U0000007e", "\\U0000007E"}) {
    const std::size_t at = text.find(escape);
    if (at != std::string_view::npos)
      return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }
  return std::nullopt;
}

// Finds what toml++ 3.3.0 must not see:
// - keys of many dots: its tables nest and are released by recursion, so such a key overflows the stack;
// - characters outside ASCII where it tests for white space (undefined behaviour): outside strings, where TOML allows none
//   anyway, and behind the backslash of a string over several lines.
// The parser gets escaped text nevertheless: once there is a quote within a bare word, it and this class disagree on where a
// string begins.
class TomlScreen {
 public:
  TomlScreen(std::string_view text, const TomlRules& rules) : text_(text), rules_(rules) {}

  // Empty if the text may be parsed; line() is then of no use.
  std::string objection() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        if (!rules_.long_strings && text_.substr(at_, 3) == std::string(3, c))
          return "a string over several lines, which these files do not have";
        if (!skip_string(c)) return "a letter outside ASCII behind a backslash at the end of a line";
        continue;
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        continue;
      }
      if (static_cast<unsigned char>(c) >= 0x80) return "a letter outside ASCII that no quotes enclose";
      if (c == '.' && ++dots_ > rules_.most_dots) return "a key of more than " + std::to_string(rules_.most_dots) + " dots";
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
  TomlRules rules_;
  std::size_t at_ = 0, line_ = 1;
  int dots_ = 0;
};

}  // namespace

std::variant<toml::table, TomlRefusal> parse_toml_text(const std::string& text, const std::string& name,
                                                       const TomlRules& rules) {
  if (!is_utf8(text)) return TomlRefusal{1, "the text is no UTF-8", "save it as UTF-8"};
  const std::string_view mark = "\xef\xbb\xbf";  // byte order mark
  const auto read = std::string_view(text).substr(text.starts_with(mark) ? mark.size() : 0);
  if (const auto line = line_of_escaped_tilde(read)) return TomlRefusal{*line, "a tilde as a \\u escape", "write ~ itself"};
  TomlScreen screen(read, rules);
  if (std::string objection = screen.objection(); !objection.empty())
    return TomlRefusal{screen.line(), std::move(objection), ""};
  try {
    return toml::parse(escaped(read), name);
  } catch (const toml::parse_error& error) {
    return TomlRefusal{error.source().begin.line, unescaped(error.description()), ""};
  }
}

toml::table read_toml(const std::string& path) {
  auto parsed = parse_toml_text(content(path), path, {});
  if (auto* table = std::get_if<toml::table>(&parsed)) return std::move(*table);
  const auto& refused = std::get<TomlRefusal>(parsed);
  throw UsageError(Fault{path + ":" + std::to_string(refused.line), refused.what, "", "", refused.fix});
}

}  // namespace sam3lab
