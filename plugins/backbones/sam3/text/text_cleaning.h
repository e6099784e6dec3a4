// What the tokenizer does to a text before it splits it: repair (ftfy.fix_text), character references, spaces, lower case.
#pragma once
#include <string>
#include <string_view>

namespace sam3lab::sam3 {

// UTF-8 in; bytes that are none become U+FFFD.
[[nodiscard]] std::u32string clean_text(const std::string& text);

// The steps, apart for tests.
[[nodiscard]] std::u32string repair_text(std::u32string_view text);  // as ftfy 6.3 with its default settings
[[nodiscard]] std::u32string unescape(std::u32string_view text);     // as Python's html.unescape: the HTML standard's rules

[[nodiscard]] std::string to_utf8(std::u32string_view text);
[[nodiscard]] std::u32string from_utf8(const std::string& text);

}  // namespace sam3lab::sam3
