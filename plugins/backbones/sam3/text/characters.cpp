#include "plugins/backbones/sam3/text/characters.h"

#include <algorithm>
#include <iterator>

#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

namespace sam3lab::sam3 {

namespace {

struct Range {
  char32_t first, last;
};
#include "plugins/backbones/sam3/text/newer_characters.inc"

template <std::size_t n>
bool in_ranges(const Range (&ranges)[n], char32_t c) {
  const auto* after = std::upper_bound(std::begin(ranges), std::end(ranges), c,
                                       [](char32_t value, const Range& range) { return value < range.first; });
  return after != std::begin(ranges) && c <= std::prev(after)->last;
}

bool has_category(char32_t c, std::uint32_t mask) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) != 0; }

}  // namespace

bool is_letter(char32_t c) { return has_category(c, U_GC_L_MASK) || in_ranges(newer_letters, c); }
bool is_number(char32_t c) { return has_category(c, U_GC_N_MASK) || in_ranges(newer_numbers, c); }

const icu::UnicodeSet& python_characters() {
  static const icu::UnicodeSet set = [] {
    UErrorCode code = U_ZERO_ERROR;
    icu::UnicodeSet made(icu::UnicodeString(u"[:age=14.0:]"), code);
    made.freeze();
    return made;
  }();
  return set;
}

bool is_python_space(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0 || (c >= 0x1C && c <= 0x1F); }
bool is_python_digit(char32_t c) {
  return has_category(c, U_GC_ND_MASK) && python_characters().contains(static_cast<UChar32>(c));
}

bool CharacterSet::holds(char32_t c) const {
  bool in = set_.contains(c);
  if (words_) {
    in =
        in || c == '_' || (has_category(c, U_GC_L_MASK | U_GC_N_MASK) && python_characters().contains(static_cast<UChar32>(c)));
  }
  if (spaces_) in = in || is_python_space(c);
  return in != inverted_;
}

}  // namespace sam3lab::sam3
