// Escapes TOML to ASCII for the parser and back: toml++ 3.3.0 runs into undefined behaviour at characters outside ASCII
// wherever it looks for white space. "~c3~a9" stands for the two bytes of an e with its accent, and "~7e" for the tilde.
#pragma once
#include <string>
#include <string_view>

#include <sam3lab/api/export.h>

namespace sam3lab {

// What the parser gets. `text` must be UTF-8 without a tilde as a \u escape.
SAM3LAB_API std::string escaped(std::string_view text);
// A key, a text or a message of the parser, as the file has it.
SAM3LAB_API std::string unescaped(std::string_view ascii);
[[nodiscard]] SAM3LAB_API bool is_utf8(std::string_view text);

}  // namespace sam3lab
