#include "plugins/shared/toml_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

// toml++ 3.3.0 nests and releases tables by recursion, so that a key of many dots overflows the stack. And it runs into
// undefined behaviour at characters outside ASCII wherever it looks for white space: so it gets to see none. "~c3~a9" stands
// for the bytes of an e with its accent, "~7e" for the tilde.
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
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw UsageError(Fault{path, "the text is no UTF-8", "", "", "save it as UTF-8"});
  }
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
      // The tilde would turn into one of ours.
      for (const char* escape : {"\\u007e", "\\u007E", "\\U0000007e", "\\U0000007E"}) {
        if (text.substr(at, end - at).find(escape) != std::string_view::npos) refuse("a tilde as an escape; write ~ itself");
      }
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

std::string armoured(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string ascii;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || c == '~') {
      ascii += {'~', digits[byte >> 4], digits[byte & 15]};
    } else {
      ascii += c;
    }
  }
  return ascii;
}

}  // namespace

toml::table read_toml(const std::string& path) {
  const std::string text = content(path);
  screen(text, path);
  try {
    return toml::parse(armoured(text), path);
  } catch (const toml::parse_error& error) {
    throw UsageError(Fault{path + ":" + std::to_string(error.source().begin.line), plain(error.description()), "", "", ""});
  }
}

std::string plain(std::string_view ascii) {
  const auto value = [](char c) { return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : 16; };
  std::string text;
  for (std::size_t i = 0; i < ascii.size(); ++i) {
    const bool whole = ascii[i] == '~' && i + 2 < ascii.size() && value(ascii[i + 1]) < 16 && value(ascii[i + 2]) < 16;
    text += whole ? static_cast<char>(value(ascii[i + 1]) * 16 + value(ascii[i + 2])) : ascii[i];
    if (whole) i += 2;
  }
  return text;
}

}  // namespace sam3lab
