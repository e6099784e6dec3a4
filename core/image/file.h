// Whole files into memory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace sam3lab {

using Bytes = std::vector<std::uint8_t>;

// Throws DataError for what is missing, no regular file, larger than 1 GiB, or unreadable.
Bytes read_file(const std::filesystem::path& path);
// A file that can be read: exists and is a regular file. Throws DataError otherwise; gives its size.
std::uintmax_t require_file(const std::filesystem::path& path);

}  // namespace sam3lab
