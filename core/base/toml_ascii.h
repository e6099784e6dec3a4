// TOML as the library may see it: ASCII alone. toml++ 3.3.0 runs into undefined behaviour at characters outside ASCII wherever
// it looks for white space. "~c3~a9" stands for the two bytes of an e with its accent, and "~7e" for the tilde.
#pragma once
#include <string>
#include <string_view>

#include <sam3lab/api/export.h>

namespace sam3lab {

// What goes to the parser, of a text that is UTF-8 and has no escaped tilde.
SAM3LAB_API std::string escaped(std::string_view text);
// A key, a text or a message of the parser as it stands in the file.
SAM3LAB_API std::string unescaped(std::string_view ascii);
// A tilde as a \u escape would turn into an escaped byte behind the armour's back.
[[nodiscard]] SAM3LAB_API bool escapes_tilde(std::string_view text);
[[nodiscard]] SAM3LAB_API bool is_utf8(std::string_view text);

}  // namespace sam3lab
