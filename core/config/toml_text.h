// TOML text -> Tree. The only place that knows the TOML library.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/tree.h"

namespace sam3lab {

inline constexpr std::size_t largest_experiment = 256 * 1024;  // bytes of one file

// Whole bytes of an experiment file. A missing file, a folder, a device or one that is too large becomes a fault at `where`.
bool read_text(const std::filesystem::path& file, const std::string& where, std::string& text, std::vector<Fault>& faults);

// `name` stands before the line number in messages; `folder` is where the file's relative paths start.
bool parse_toml(const std::string& text, const std::string& name, const std::filesystem::path& folder, Tree& tree,
                std::vector<Fault>& faults);

// "a.b=v" of the command line. A value that is no TOML, but a plain word, is taken as text.
bool parse_override(const std::string& text, Tree& tree, std::vector<Fault>& faults);

// `matcher."odd key".use` -> its parts; empty if it is no key.
[[nodiscard]] KeyPath parse_key(const std::string& text);

}  // namespace sam3lab
