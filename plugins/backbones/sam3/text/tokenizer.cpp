#include "plugins/backbones/sam3/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <unicode/uchar.h>

#include <sam3lab/api/error.h>

#include "plugins/backbones/sam3/text/characters.h"
#include "plugins/backbones/sam3/text/text_cleaning.h"
#include "plugins/backbones/sam3/text/vocabulary.h"

namespace sam3lab::sam3 {

namespace {

constexpr std::int64_t merge_count = Tokenizer::vocabulary_size - 512 - 2;
constexpr std::size_t largest_vocabulary = std::size_t{16} << 20;  // bytes; the published file has 1.4 M

// Bytes in the order of their ids: printable Latin-1 first, then the rest. In the vocabulary file each byte is one character:
// the character itself if it is printable, otherwise one from U+0100 on.
struct ByteSymbols {
  std::array<std::int64_t, 256> id{};
  std::array<std::string, 256> written{};
};

ByteSymbols make_bytes() {
  ByteSymbols bytes;
  const auto printable = [](int b) { return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE; };
  std::int64_t next = 0;
  char32_t spare = 0x100;
  for (const bool first : {true, false}) {
    for (int b = 0; b < 256; ++b) {
      if (printable(b) != first) continue;
      bytes.id[static_cast<std::size_t>(b)] = next++;
      bytes.written[static_cast<std::size_t>(b)] = to_utf8(std::u32string(1, first ? static_cast<char32_t>(b) : spare++));
    }
  }
  return bytes;
}

const ByteSymbols& bytes() {
  static const ByteSymbols made = make_bytes();
  return made;
}

std::uint64_t pair_key(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint64_t>(b);
}

// Space, and the combining iota below. Matching ignores case, which makes this mark a form of the letter iota, so that it
// matches no class of characters.
bool is_between(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0 || c == 0x345; }

// Length of the word that starts at `at`; 0 for a space. The alternatives are tried in this order.
std::size_t word_length(std::u32string_view text, std::size_t at) {
  using namespace std::string_view_literals;
  const auto starts = [&](std::u32string_view what) {
    if (text.size() - at < what.size()) return false;
    for (std::size_t i = 0; i < what.size(); ++i) {
      // Matching ignores case, and the long s is a form of s.
      if ((text[at + i] == U'\u017F' ? U's' : text[at + i]) != what[i]) return false;
    }
    return true;
  };
  for (const std::u32string_view fixed :
       {U"<start_of_text>"sv, U"<end_of_text>"sv, U"'s"sv, U"'t"sv, U"'re"sv, U"'ve"sv, U"'m"sv, U"'ll"sv, U"'d"sv}) {
    if (starts(fixed)) return fixed.size();
  }
  const char32_t first = text[at];
  if (is_between(first)) return 0;
  if (is_number(first)) return 1;
  std::size_t end = at + 1;
  if (is_letter(first)) {
    while (end < text.size() && is_letter(text[end])) ++end;
  } else {
    while (end < text.size() && !is_between(text[end]) && !is_letter(text[end]) && !is_number(text[end])) ++end;
  }
  return end - at;
}

}  // namespace

Tokenizer::Tokenizer(const std::string& vocabulary) {
  const std::string content = read_gzip(vocabulary, largest_vocabulary);
  std::unordered_map<std::string, std::int64_t> ids;
  for (std::size_t b = 0; b < 256; ++b) {
    ids[bytes().written[b]] = bytes().id[b];
    ids[bytes().written[b] + "</w>"] = 256 + bytes().id[b];
  }
  const auto refuse = [&](const std::string& what, const std::string& got) {
    throw DataError(Fault{vocabulary, what, got, "the lines of bpe_simple_vocab_16e6.txt.gz", "fetch it again"});
  };
  std::vector<std::pair<std::string, std::string>> pairs;
  std::size_t at = content.find('\n');  // the first line is a heading
  while (at != std::string::npos && pairs.size() < static_cast<std::size_t>(merge_count)) {
    const std::size_t stop = content.find('\n', ++at);
    const std::string line = content.substr(at, stop == std::string::npos ? stop : stop - at);
    const std::size_t gap = line.find(' ');
    if (gap == std::string::npos || gap == 0 || gap + 1 == line.size()) refuse("a line is no pair", line.substr(0, 40));
    pairs.emplace_back(line.substr(0, gap), line.substr(gap + 1));
    // Two pairs may give the same string; its last id counts.
    ids[pairs.back().first + pairs.back().second] = 511 + static_cast<std::int64_t>(pairs.size());
    at = stop;
  }
  if (static_cast<std::int64_t>(pairs.size()) != merge_count) refuse("too few merges", std::to_string(pairs.size()));
  merges_.reserve(pairs.size());
  for (std::size_t rank = 0; rank < pairs.size(); ++rank) {
    const auto& [a, b] = pairs[rank];
    const auto first = ids.find(a), second = ids.find(b);
    if (first == ids.end() || second == ids.end()) refuse("a pair of unknown parts", a + " " + b);
    merges_[pair_key(first->second, second->second)] = {static_cast<std::int64_t>(rank), ids.at(a + b)};
  }
}

void Tokenizer::merge_word(std::vector<std::int64_t> word, std::vector<std::int64_t>& into) const {
  while (word.size() > 1) {
    Merge best{std::numeric_limits<std::int64_t>::max(), 0};
    std::uint64_t pair = 0;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = merges_.find(pair_key(word[i], word[i + 1]));
      if (found != merges_.end() && found->second.rank < best.rank) best = found->second, pair = found->first;
    }
    if (best.rank == std::numeric_limits<std::int64_t>::max()) break;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool joins = i + 1 < word.size() && pair_key(word[i], word[i + 1]) == pair;
      word[kept++] = joins ? best.id : word[i];
      if (joins) ++i;
    }
    word.resize(kept);
  }
  into.insert(into.end(), word.begin(), word.end());
}

std::vector<std::int64_t> Tokenizer::encode(const std::string& text) const {
  const std::u32string clean = clean_text(text);
  std::vector<std::int64_t> ids;
  for (std::size_t at = 0; at < clean.size();) {
    const std::size_t length = word_length(clean, at);
    if (length == 0) {
      ++at;
      continue;
    }
    const std::string word = to_utf8(std::u32string_view(clean).substr(at, length));
    at += length;
    if (word == "<start_of_text>" || word == "<end_of_text>") {
      ids.push_back(word[1] == 's' ? start : end);
      continue;
    }
    std::vector<std::int64_t> symbols;
    for (const char c : word) symbols.push_back(bytes().id[static_cast<unsigned char>(c)]);
    symbols.back() += 256;  // the same byte at the end of a word
    merge_word(std::move(symbols), ids);
  }
  return ids;
}

std::vector<std::int64_t> Tokenizer::row(const std::string& text, std::int64_t length) const {
  std::vector<std::int64_t> ids{start};
  const std::vector<std::int64_t> inner = encode(text);
  ids.insert(ids.end(), inner.begin(), inner.end());
  ids.push_back(end);
  const bool cut = static_cast<std::int64_t>(ids.size()) > length;
  ids.resize(static_cast<std::size_t>(length), 0);
  if (cut) ids.back() = end;
  return ids;
}

}  // namespace sam3lab::sam3
