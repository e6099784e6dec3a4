// Words of messages: suggestions, lists, shortened quotes.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/base/did_you_mean.h"  // did_you_mean

namespace sam3lab {

inline constexpr std::size_t longest_quote = 120;  // bytes of a stranger's text that a message repeats

// Optimal string alignment distance (Damerau-Levenshtein without repeated edits), letters compared without case.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
// Up to three of `known` that `word` may have been meant as, nearest first.
[[nodiscard]] std::vector<std::string> suggestions(std::string_view word, const std::vector<std::string>& known);
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");
[[nodiscard]] std::string shorten(std::string text);
// Letters, digits, '-' and '_': what TOML takes without quotes.
[[nodiscard]] bool is_bare_key(std::string_view key);

}  // namespace sam3lab
