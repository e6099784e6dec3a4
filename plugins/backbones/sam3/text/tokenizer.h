// CLIP's byte-pair tokenizer (tokenizer_ve.SimpleTokenizer). It gives the same ids as the published package for any text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sam3lab::sam3 {

class Tokenizer {
 public:
  static constexpr std::int64_t vocabulary_size = 49408, start = 49406, end = 49407;

  // Reads bpe_simple_vocab_16e6.txt.gz. DataError if it is damaged or another file.
  explicit Tokenizer(const std::string& vocabulary);

  // Ids of the cleaned, lower-case text, without the start and end tokens.
  [[nodiscard]] std::vector<std::int64_t> encode(const std::string& text) const;
  // `length` ids: start, ids of the text, end, zeros. A text that is too long is cut and still ends with `end`.
  [[nodiscard]] std::vector<std::int64_t> row(const std::string& text, std::int64_t length) const;

 private:
  struct Merge {
    std::int64_t rank, id;
  };
  void merge_word(std::vector<std::int64_t> word, std::vector<std::int64_t>& into) const;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by pair of ids
};

}  // namespace sam3lab::sam3
