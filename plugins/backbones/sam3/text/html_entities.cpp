#include "plugins/backbones/sam3/text/html_entities.h"

#include <array>
#include <sstream>

#include <cstddef>

namespace sam3lab::sam3 {

namespace {

constexpr const char* entity_table =
#include "plugins/backbones/sam3/text/html_entities.inc"
    ;

std::unordered_map<std::string, std::u32string> parse() {
  std::unordered_map<std::string, std::u32string> entities;
  std::istringstream in(entity_table);
  for (std::string word; in >> word;) {
    const std::size_t gap = word.find('=');
    std::u32string characters;
    for (std::size_t at = gap; at != std::string::npos; at = word.find('+', at + 1)) {
      characters += static_cast<char32_t>(std::stoul(word.substr(at + 1), nullptr, 16));
    }
    entities.emplace(word.substr(0, gap), characters);
  }
  return entities;
}

// Numbers 0x80..0x9F are read as Windows-1252, which authors mean. 0: the number stays as it is.
constexpr std::array<char32_t, 32> windows{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
    0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178};

}  // namespace

const std::unordered_map<std::string, std::u32string>& html_entities() {
  static const std::unordered_map<std::string, std::u32string> entities = parse();
  return entities;
}

std::u32string numbered_character(std::uint64_t number) {
  if (number == 0 || number > 0x10FFFF || (number >= 0xD800 && number <= 0xDFFF)) return U"\uFFFD";
  const auto c = static_cast<char32_t>(number);
  if (c >= 0x80 && c <= 0x9F) return std::u32string(1, windows[c - 0x80] != 0 ? windows[c - 0x80] : c);
  const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\f' && c != '\r') || c == 0x7F;
  const bool no_character = (c >= 0xFDD0 && c <= 0xFDEF) || (c & 0xFFFE) == 0xFFFE;
  return control || no_character ? std::u32string() : std::u32string(1, c);
}

}  // namespace sam3lab::sam3
