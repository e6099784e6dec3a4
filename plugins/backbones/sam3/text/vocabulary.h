// Finds and reads the file of byte-pair merges that the tokenizer needs.
#pragma once
#include <cstddef>
#include <string>

namespace sam3lab::sam3 {

// The path: `option` if it is not empty, or $SAM3LAB_VOCABULARY, or the file that scripts/setup fetched. UsageError if there is
// none.
[[nodiscard]] std::string find_vocabulary(const std::string& option);

// The content of a gzip file. DataError if the file is missing or damaged, or has more than `limit` bytes when unpacked.
[[nodiscard]] std::string read_gzip(const std::string& path, std::size_t limit);

}  // namespace sam3lab::sam3
