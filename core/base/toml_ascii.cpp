#include "core/base/toml_ascii.h"

#include <nlohmann/json.hpp>

namespace sam3lab {

std::string escaped(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string ascii;
  ascii.reserve(text.size());
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

std::string unescaped(std::string_view ascii) {
  const auto value = [](char c) { return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : 16; };
  std::string text;
  for (std::size_t i = 0; i < ascii.size(); ++i) {
    const bool whole = ascii[i] == '~' && i + 2 < ascii.size() && value(ascii[i + 1]) < 16 && value(ascii[i + 2]) < 16;
    text += whole ? static_cast<char>(value(ascii[i + 1]) * 16 + value(ascii[i + 2])) : ascii[i];
    if (whole) i += 2;
  }
  return text;
}

bool is_utf8(std::string_view text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace sam3lab
