// Bytes with a seal behind them: a line with the SHA-256 of everything before it. HDF5 is happy with what follows the end of a
// file, and drops it when another program changes the file; while the seal is there, damage is found before HDF5's parser,
// which trusts much of what it reads, meets a single byte.
#pragma once
#include <filesystem>
#include <string>

namespace sam3lab {

// Appears whole or not at all (AtomicFile). DataError: disk full, no permission, no such folder.
void write_sealed(const std::filesystem::path& file, const std::string& bytes);

// The bytes without the seal. DataError: missing, unreadable, larger than 2 GiB, or changed since it was sealed. A file without
// a seal is given as it is.
std::string read_sealed(const std::filesystem::path& file);

}  // namespace sam3lab
