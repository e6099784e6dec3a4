// Sets of Unicode characters, as two libraries of two ages see them. What Python 3.11 itself does to a text (normal form, case,
// ftfy's patterns) follows Unicode 14.0; the pattern that splits a text into words is the regex module's, 2026.11.15, of
// Unicode 18.0. ICU 72 has 15.0: what is newer than 14.0 is hidden from the one, and letters and numbers newer than 15.0 are
// listed for the other.
#pragma once
#include <string>
#include <string_view>
#include <unordered_set>

#include <unicode/uniset.h>

namespace sam3lab::sam3 {

[[nodiscard]] bool is_letter(char32_t c);  // \p{L}
[[nodiscard]] bool is_number(char32_t c);  // \p{N}

[[nodiscard]] const icu::UnicodeSet& python_characters();  // those that Unicode 14.0 knows
[[nodiscard]] bool is_python_space(char32_t c);            // str.isspace, re's \s
[[nodiscard]] bool is_python_digit(char32_t c);            // re's \d

// Few characters, or everything but a few.
class CharacterSet {
 public:
  CharacterSet& add(std::u32string_view characters) { return set_.insert(characters.begin(), characters.end()), *this; }
  CharacterSet& add(const CharacterSet& other) { return set_.insert(other.set_.begin(), other.set_.end()), *this; }
  CharacterSet& range(char32_t low, char32_t high) {
    for (char32_t c = low; c <= high; ++c) set_.insert(c);
    return *this;
  }
  CharacterSet& invert() { return inverted_ = !inverted_, *this; }
  CharacterSet& words() { return words_ = true, *this; }    // and re's \w: letters, numbers, underscore
  CharacterSet& spaces() { return spaces_ = true, *this; }  // and all white space
  [[nodiscard]] bool holds(char32_t c) const;

 private:
  std::unordered_set<char32_t> set_;
  bool inverted_ = false, words_ = false, spaces_ = false;
};

// A class of mojibake_tables.inc by its name there.
[[nodiscard]] CharacterSet character_class(const std::string& name);

}  // namespace sam3lab::sam3
