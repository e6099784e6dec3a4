// Sets of Unicode characters in two versions of Unicode. Python 3.11 (normal form, case, ftfy's patterns) has Unicode 14.0. The
// regex module 2026.11.15, which splits a text into words, has Unicode 18.0. ICU 72 has Unicode 15.0. So characters newer
// than 14.0 are excluded for Python, and letters and numbers newer than 15.0 are listed for the regex module.
#pragma once
#include <string>
#include <string_view>
#include <unordered_set>

#include <unicode/uniset.h>

namespace sam3lab::sam3 {

[[nodiscard]] bool is_letter(char32_t c);  // \p{L}
[[nodiscard]] bool is_number(char32_t c);  // \p{N}

[[nodiscard]] const icu::UnicodeSet& python_characters();  // characters of Unicode 14.0
[[nodiscard]] bool is_python_space(char32_t c);            // str.isspace, re's \s
[[nodiscard]] bool is_python_digit(char32_t c);            // re's \d

// A set of few characters, or of all but a few.
class CharacterSet {
 public:
  CharacterSet& add(std::u32string_view characters) { return set_.insert(characters.begin(), characters.end()), *this; }
  CharacterSet& add(const CharacterSet& other) { return set_.insert(other.set_.begin(), other.set_.end()), *this; }
  CharacterSet& range(char32_t low, char32_t high) {
    for (char32_t c = low; c <= high; ++c) set_.insert(c);
    return *this;
  }
  CharacterSet& invert() { return inverted_ = !inverted_, *this; }
  CharacterSet& words() { return words_ = true, *this; }    // adds re's \w: letters, numbers, underscore
  CharacterSet& spaces() { return spaces_ = true, *this; }  // adds all white space
  [[nodiscard]] bool holds(char32_t c) const;

 private:
  std::unordered_set<char32_t> set_;
  bool inverted_ = false, words_ = false, spaces_ = false;
};

// The character class of that name in mojibake_tables.inc.
[[nodiscard]] CharacterSet character_class(const std::string& name);

}  // namespace sam3lab::sam3
