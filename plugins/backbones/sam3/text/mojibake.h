// Mojibake: text that was decoded in the wrong encoding. It is detected and repaired as in ftfy 6.3 (ftfy.fix_encoding).
#pragma once
#include <string>
#include <string_view>

namespace sam3lab::sam3 {

// Repairs what can be repaired with confidence. Other text is returned without change.
[[nodiscard]] std::u32string repair_encoding(const std::u32string& text);

// Whether `text` has sequences of characters that only occur in mojibake.
[[nodiscard]] bool is_mojibake(std::u32string_view text);

// Replaces control characters U+0080..U+009F by the characters of Windows-1252 with these numbers.
[[nodiscard]] std::u32string windows_controls(std::u32string text);

}  // namespace sam3lab::sam3
