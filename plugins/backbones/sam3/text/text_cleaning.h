// Cleans a text before the tokenizer splits it: repair (ftfy.fix_text), character references, spaces, lower case.
#pragma once
#include <string>
#include <string_view>

namespace sam3lab::sam3 {

// `text` is UTF-8; invalid bytes become U+FFFD.
[[nodiscard]] std::u32string clean_text(const std::string& text);

// The single steps, for tests.
[[nodiscard]] std::u32string repair_text(std::u32string_view text);  // ftfy 6.3 with its default settings
[[nodiscard]] std::u32string unescape(std::u32string_view text);     // Python's html.unescape: the rules of the HTML standard

[[nodiscard]] std::string to_utf8(std::u32string_view text);
[[nodiscard]] std::u32string from_utf8(const std::string& text);

}  // namespace sam3lab::sam3
