// The file of byte-pair merges that the tokenizer needs.
#pragma once
#include <cstddef>
#include <string>

namespace sam3lab::sam3 {

// `option` if not empty, else $SAM3LAB_VOCABULARY, else the file that set-up fetched. UsageError if there is none.
[[nodiscard]] std::string find_vocabulary(const std::string& option);

// A gzip file's content, at most `limit` bytes of it; more, damage or absence is a DataError.
[[nodiscard]] std::string read_gzip(const std::string& path, std::size_t limit);

}  // namespace sam3lab::sam3
