// Text that was decoded in the wrong encoding, found and undone as ftfy 6.3 does (ftfy.fix_encoding).
#pragma once
#include <string>
#include <string_view>

namespace sam3lab::sam3 {

// Undoes what can be undone with confidence; other text comes back as it is.
[[nodiscard]] std::u32string repair_encoding(const std::u32string& text);

// Does `text` hold sequences that nobody writes on purpose?
[[nodiscard]] bool looks_garbled(std::u32string_view text);

// Control characters U+0080..U+009F as the Windows-1252 characters that were meant.
[[nodiscard]] std::u32string windows_controls(std::u32string text);

}  // namespace sam3lab::sam3
