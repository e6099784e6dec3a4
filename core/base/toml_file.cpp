#include "core/base/toml_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

// toml++ 3.3.0 nests and releases tables by recursion, so that a key of many dots overflows the stack.
namespace sam3lab {
namespace {

constexpr std::size_t largest = std::size_t{1} << 20;  // bytes
constexpr int most_dots = 8;                           // of one key

std::string content(const std::string& path) {
  std::error_code ignored;
  std::ifstream file(path, std::ios::binary);
  if (!std::filesystem::is_regular_file(path, ignored) || !file) {
    throw UsageError(Fault{path, "cannot be read", "", "a TOML file", "check that the file is there"});
  }
  std::string text(largest + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest) throw UsageError(Fault{path, "too large", "", "at most 1 MiB", ""});
  if (!is_utf8(text)) throw UsageError(Fault{path, "the text is no UTF-8", "", "", "save it as UTF-8"});
  return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;  // byte order mark
}

// End of the one-line string that begins at `at`; nothing if it is none.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == quote) return at + 1;
    if (text[at] == '\\' && quote == '"') ++at;
  }
  return std::string_view::npos;
}

void screen(std::string_view text, const std::string& path) {
  std::size_t line = 1;
  const auto refuse = [&](const std::string& what) {
    throw UsageError(Fault{path + ":" + std::to_string(line), what, "", "", ""});
  };
  int dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (c == '"' || c == '\'') {
      if (text.substr(at, 3) == std::string(3, c)) refuse("a string over several lines, which these files do not have");
      const std::size_t end = end_of_string(text, at);
      if (end == std::string_view::npos) refuse("a string without an end");
      if (escapes_tilde(text.substr(at, end - at))) refuse("a tilde as an escape; write ~ itself");
      at = end;
      continue;
    }
    if (static_cast<unsigned char>(c) >= 0x80) refuse("a letter outside ASCII that no quotes enclose");
    if (c == '.' && ++dots > most_dots) refuse("a key of more than " + std::to_string(most_dots) + " dots");
    if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) dots = 0;
    if (c == '\n') ++line;
    ++at;
  }
}

}  // namespace

toml::table read_toml(const std::string& path) {
  const std::string text = content(path);
  screen(text, path);
  try {
    return toml::parse(escaped(text), path);
  } catch (const toml::parse_error& error) {
    throw UsageError(Fault{path + ":" + std::to_string(error.source().begin.line), unescaped(error.description()), "", "", ""});
  }
}

}  // namespace sam3lab
