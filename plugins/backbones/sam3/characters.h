// Sets of Unicode characters.
#pragma once
#include <string>
#include <string_view>
#include <unordered_set>

namespace sam3lab::sam3 {

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
  CharacterSet& words() { return words_ = true, *this; }    // and all letters and numbers, and the underscore
  CharacterSet& spaces() { return spaces_ = true, *this; }  // and all white space
  [[nodiscard]] bool holds(char32_t c) const;

 private:
  std::unordered_set<char32_t> set_;
  bool inverted_ = false, words_ = false, spaces_ = false;
};

// A class of mojibake_tables.inc by its name there.
[[nodiscard]] CharacterSet character_class(const std::string& name);

}  // namespace sam3lab::sam3
