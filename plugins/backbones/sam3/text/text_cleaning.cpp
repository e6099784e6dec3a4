#include "plugins/backbones/sam3/text/text_cleaning.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "plugins/backbones/sam3/text/characters.h"
#include "plugins/backbones/sam3/text/html_entities.h"
#include "plugins/backbones/sam3/text/mojibake.h"

namespace sam3lab::sam3 {

namespace {

icu::UnicodeString to_icu(std::u32string_view text) {
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()), static_cast<std::int32_t>(text.size()));
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string out;
  out.reserve(static_cast<std::size_t>(text.length()));
  for (std::int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) out += static_cast<char32_t>(text.char32At(at));
  return out;
}

std::u32string normalised(std::u32string_view text, bool compatible) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* form = compatible ? icu::Normalizer2::getNFKCInstance(code) : icu::Normalizer2::getNFCInstance(code);
  if (U_FAILURE(code)) return std::u32string(text);
  icu::UnicodeString result;
  icu::FilteredNormalizer2(*form, python_characters()).normalize(to_icu(text), result, code);
  return U_SUCCESS(code) ? from_icu(result) : std::u32string(text);
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
int hex_value(char32_t c) {
  if (is_digit(c)) return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a') + 10;
  return c >= 'A' && c <= 'F' ? static_cast<int>(c - 'A') + 10 : -1;
}

// Reads "#123;" or "#x1F;" at `at`, the semicolon optional. Returns the end, or `at` if there is no number.
std::size_t read_number(std::u32string_view text, std::size_t at, std::u32string& into) {
  std::size_t next = at + 1;
  const bool hex = next < text.size() && (text[next] == 'x' || text[next] == 'X');
  if (hex) ++next;
  const std::size_t first = next;
  std::uint64_t number = 0;
  for (; next < text.size(); ++next) {
    const int digit = hex ? hex_value(text[next]) : is_digit(text[next]) ? static_cast<int>(text[next] - '0') : -1;
    if (digit < 0) break;
    number = std::min<std::uint64_t>(number * (hex ? 16 : 10) + static_cast<std::uint64_t>(digit), 0x110000);
  }
  if (next == first) return at;
  if (next < text.size() && text[next] == ';') ++next;
  into += numbered_character(number);
  return next;
}

// The longest known name at `at`, of at most 32 characters and an optional semicolon. Returns the end, or `at` if there is
// none.
std::size_t read_name(std::u32string_view text, std::size_t at, std::u32string& into) {
  std::string name;
  std::size_t end = at;
  for (; end < text.size() && name.size() < 32; ++end) {
    const char32_t c = text[end];
    if (c == '\t' || c == '\n' || c == '\f' || c == ' ' || c == '<' || c == '&' || c == '#' || c == ';') break;
    name += c < 0x80 ? static_cast<char>(c) : '\x01';  // occurs in no name
  }
  if (!name.empty() && end < text.size() && text[end] == ';') name += ';';
  for (; name.size() > 1; name.pop_back()) {
    if (const auto found = html_entities().find(name); found != html_entities().end()) {
      into += found->second;
      return at + name.size();
    }
  }
  return at;
}

// ftfy decodes only references that end in a semicolon, and a few in upper case.
const std::unordered_map<std::string, std::u32string>& unambiguous_entities() {
  static const std::unordered_map<std::string, std::u32string> made = [] {
    std::unordered_map<std::string, std::u32string> all;
    for (const auto& [name, characters] : html_entities()) {
      if (name.back() == ';') all.emplace(name, characters);
    }
    for (const auto& [name, characters] : html_entities()) {
      if (name.back() != ';' || std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; })) continue;
      std::string upper = name;
      for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      const std::u32string reference = U"&" + from_utf8(upper);
      if (unescape(reference) == reference) all.emplace(upper, from_icu(to_icu(characters).toUpper(icu::Locale::getRoot())));
    }
    return all;
  }();
  return made;
}

std::u32string unescape_unambiguous(std::u32string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at + 1;
    if (text[at] == '&') {
      if (end < text.size() && text[end] == '#') ++end;
      const std::size_t first = end;
      while (end < text.size() && end - first < 24 && (is_digit(text[end]) || is_ascii_letter(text[end]))) ++end;
      if (end > first && end < text.size() && text[end] == ';') {
        const std::u32string_view reference = text.substr(at, ++end - at);
        std::u32string replaced(reference);
        if (reference[1] == '#') {
          const std::u32string character = unescape(reference);
          if (character.find(U';') == std::u32string::npos) replaced = character;
        } else if (const auto found = unambiguous_entities().find(to_utf8(reference.substr(1)));
                   found != unambiguous_entities().end()) {
          replaced = found->second;
        }
        out += replaced;
        at = end;
        continue;
      }
    }
    out += text[at++];
  }
  return out;
}

// Latin ligatures and digraphs that exist for typesetting or old encodings, as their letters.
std::u32string_view split_ligature(char32_t c) {
  static const std::unordered_map<char32_t, std::u32string_view> table{
      {0x132, U"IJ"},      {0x133, U"ij"},      {0x149, U"\u02BCn"},  {0x1F1, U"DZ"},  {0x1F2, U"Dz"},  {0x1F3, U"dz"},
      {0x1C4, U"D\u017D"}, {0x1C5, U"D\u017E"}, {0x1C6, U"d\u017E"},  {0x1C7, U"LJ"},  {0x1C8, U"Lj"},  {0x1C9, U"lj"},
      {0x1CA, U"NJ"},      {0x1CB, U"Nj"},      {0x1CC, U"nj"},       {0xFB00, U"ff"}, {0xFB01, U"fi"}, {0xFB02, U"fl"},
      {0xFB03, U"ffi"},    {0xFB04, U"ffl"},    {0xFB05, U"\u017Ft"}, {0xFB06, U"st"}};
  const auto found = table.find(c);
  return found == table.end() ? std::u32string_view() : found->second;
}

bool is_stray_control(char32_t c) {
  return c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || (c >= 0x206A && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFC);
}

// Normalises one character: ligatures, full and half width, curly quotes.
std::u32string plain(char32_t c) {
  if (const std::u32string_view two = split_ligature(c); !two.empty()) {
    // The first character of the result may be a curly quote itself.
    return two[0] == 0x02BC ? U"'" + std::u32string(two.substr(1)) : std::u32string(two);
  }
  if (c == 0x3000) return U" ";
  if (c >= 0xFF01 && c < 0xFFF0) return normalised(std::u32string(1, c), true);
  if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) return U"'";
  if (c >= 0x201C && c <= 0x201F) return U"\"";
  return std::u32string(1, c);
}

// Line breaks become \n. Terminal colours (ESC [ digits ; letter) and other control characters are removed.
std::u32string plain_controls(const std::u32string& text) {
  std::u32string lines, out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    lines += c == '\r' || c == 0x2028 || c == 0x2029 || c == 0x85 ? U'\n' : c;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == 0x1B && i + 1 < lines.size() && lines[i + 1] == '[') {
      std::size_t end = i + 2;
      while (end < lines.size() && (is_python_digit(lines[end]) || lines[end] == ';')) ++end;
      if (end < lines.size() && is_ascii_letter(lines[end])) {
        i = end;
        continue;
      }
    }
    if (!is_stray_control(lines[i])) out += lines[i];
  }
  return out;
}

std::u32string repair_segment(std::u32string text, bool references) {
  for (;;) {
    const std::u32string before = text;
    if (references) text = unescape_unambiguous(text);
    text = windows_controls(repair_encoding(text));
    std::u32string simple;
    for (const char32_t c : text) simple += plain(c);
    text = normalised(plain_controls(simple), false);
    if (text == before) return text;
  }
}

std::u32string_view strip(std::u32string_view text) {
  while (!text.empty() && is_python_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_python_space(text.back())) text.remove_suffix(1);
  return text;
}

// The lower case of a sigma depends on the letters around it. A character that Python's Unicode lacks is no letter and has no
// case.
std::u32string lower(std::u32string_view text) {
  const auto known = [](char32_t c) { return python_characters().contains(static_cast<UChar32>(c)) != 0; };
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && known(text[end])) ++end;
    out += from_icu(to_icu(text.substr(at, end - at)).toLower(icu::Locale::getRoot()));
    if (end < text.size()) out += text[end++];
    at = end;
  }
  return out;
}

}  // namespace

std::string to_utf8(std::u32string_view text) {
  std::string out;
  to_icu(text).toUTF8String(out);
  return out;
}

std::u32string from_utf8(const std::string& text) { return from_icu(icu::UnicodeString::fromUTF8(text)); }

std::u32string unescape(std::u32string_view text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '&' && at + 1 < text.size()) {
      const std::size_t end = text[at + 1] == '#' ? read_number(text, at + 1, out) : read_name(text, at + 1, out);
      if (end != at + 1) {
        at = end;
        continue;
      }
    }
    out += text[at++];
  }
  return out;
}

std::u32string repair_text(std::u32string_view text) {
  constexpr std::size_t longest = 1000000;
  std::u32string out;
  bool references = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t line = text.find(U'\n', at);
    const std::size_t end = std::min(line == std::u32string_view::npos ? text.size() : line + 1, at + longest);
    const std::u32string_view segment = text.substr(at, end - at);
    // A "<" means that the rest of the text is HTML, in which references are intended.
    references = references && segment.find(U'<') == std::u32string_view::npos;
    out += repair_segment(std::u32string(segment), references);
    at = end;
  }
  return out;
}

std::u32string clean_text(const std::string& text) {
  const std::u32string plain_text = unescape(unescape(repair_text(from_utf8(text))));
  std::u32string spaced;
  for (const char32_t c : strip(plain_text)) {
    const bool space = u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
    if (!space) {
      spaced += c;
    } else if (spaced.empty() || spaced.back() != U' ') {
      spaced += U' ';
    }
  }
  return lower(strip(spaced));
}

}  // namespace sam3lab::sam3
