// Named and numeric character references of HTML.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sam3lab::sam3 {

// Characters by name without "&". Names that the standard allows without a semicolon are listed with and without it.
[[nodiscard]] const std::unordered_map<std::string, std::u32string>& html_entities();

// The text of a numeric reference. Control characters are converted as browsers do. Invalid characters give U+FFFD, and
// forbidden ones an empty text.
[[nodiscard]] std::u32string numbered_character(std::uint64_t number);

}  // namespace sam3lab::sam3
