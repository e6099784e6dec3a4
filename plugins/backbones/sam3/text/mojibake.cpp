#include "plugins/backbones/sam3/text/mojibake.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

#include <unicode/uchar.h>

#include "plugins/backbones/sam3/text/characters.h"
#include "plugins/backbones/sam3/text/mojibake_search.h"

namespace sam3lab::sam3 {

namespace {

using ByteString = std::basic_string<unsigned char>;

// A single-byte encoding in both directions. Bytes below 80 are ASCII.
struct Codec {
  std::string name;
  bool sloppy;  // byte 1A is U+FFFD, a lost character
  std::array<char32_t, 128> upper{};
  std::unordered_map<char32_t, unsigned char> byte{};

  [[nodiscard]] std::optional<ByteString> encode(std::u32string_view text) const {
    ByteString out;
    for (const char32_t c : text) {
      if (sloppy && c == 0xFFFD) {
        out += 0x1A;
      } else if (c < 0x80 && !(sloppy && c == 0x1A)) {
        out += static_cast<unsigned char>(c);
      } else if (const auto found = byte.find(c); found != byte.end()) {
        out += found->second;
      } else {
        return std::nullopt;
      }
    }
    return out;
  }
};

const std::vector<Codec>& codecs() {
  static const std::vector<Codec> made = [] {
    struct Row {
      const char* name;
      bool sloppy;
      const char* upper;
    };
    static constexpr Row rows[] = {
#include "plugins/backbones/sam3/text/mojibake_codecs.inc"
    };
    std::vector<Codec> all;
    for (const Row& row : rows) {
      Codec codec{row.name, row.sloppy};
      std::istringstream in(row.upper);
      in >> std::hex;
      for (std::uint32_t i = 0, c = 0; i < 128; ++i) {
        codec.upper[i] = in >> c ? static_cast<char32_t>(c) : static_cast<char32_t>(0x80 + i);  // an empty table is Latin-1
        codec.byte.emplace(codec.upper[i], static_cast<unsigned char>(0x80 + i));
      }
      all.push_back(std::move(codec));
    }
    return all;
  }();
  return made;
}

bool within(unsigned char b, int low, int high) { return b >= low && b <= high; }

// Length of the strict UTF-8 sequence here; 0 if there is none. `variants`: also a null of two bytes and surrogate pairs of
// six.
std::size_t decode_one(const ByteString& bytes, std::size_t at, bool variants, std::u32string& out) {
  const auto byte = [&](std::size_t i) { return at + i < bytes.size() ? bytes[at + i] : static_cast<unsigned char>(0); };
  const auto more = [&](std::size_t i) { return within(byte(i), 0x80, 0xBF); };
  const auto low6 = [&](std::size_t i) { return static_cast<char32_t>(byte(i) & 0x3F); };
  const unsigned char first = byte(0);
  if (first < 0x80) return out += first, 1;
  if (variants && first == 0xC0 && byte(1) == 0x80) return out += U'\0', 2;
  if (within(first, 0xC2, 0xDF) && more(1)) return out += static_cast<char32_t>(first & 0x1F) << 6 | low6(1), 2;
  if (within(first, 0xE0, 0xEF) && more(1) && more(2)) {
    const char32_t c = static_cast<char32_t>(first & 0x0F) << 12 | low6(1) << 6 | low6(2);
    if (c >= 0xD800 && c <= 0xDBFF && variants && byte(3) == 0xED && within(byte(4), 0xB0, 0xBF) && more(5)) {
      const char32_t high = static_cast<char32_t>(byte(1) & 0x0F) << 16 | low6(2) << 10;
      return out += (high | static_cast<char32_t>(byte(4) & 0x0F) << 6 | low6(5)) + 0x10000, 6;
    }
    if (c >= 0x800 && !(c >= 0xD800 && c <= 0xDFFF)) return out += c, 3;
  }
  if (within(first, 0xF0, 0xF4) && more(1) && more(2) && more(3)) {
    const char32_t c = static_cast<char32_t>(first & 0x07) << 18 | low6(1) << 12 | low6(2) << 6 | low6(3);
    if (c >= 0x10000 && c <= 0x10FFFF) return out += c, 4;
  }
  return 0;
}

std::optional<std::u32string> decode_utf8(const ByteString& bytes) {
  const bool variants = bytes.find(0xED) != ByteString::npos || bytes.find(0xC0) != ByteString::npos;
  std::u32string out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t step = decode_one(bytes, at, variants, out);
    if (step == 0) return std::nullopt;
    at += step;
  }
  return out;
}

// Length of a UTF-8 sequence at `at` in which one byte A0 became a space, if it gives a likely character.
std::size_t spaced_sequence(const ByteString& b, std::size_t at) {
  const auto is = [&](std::size_t i, int low, int high) { return at + i < b.size() && within(b[at + i], low, high); };
  const auto space = [&](std::size_t i) { return is(i, 0x20, 0x20); };
  const auto narrow = [&](std::size_t i) { return is(i, 0x80, 0x84) || is(i, 0x86, 0x9F) || is(i, 0xA1, 0xBF); };
  const auto wide = [&](std::size_t i) { return is(i, 0x80, 0xBF); };
  const unsigned char first = b[at];
  if (space(1) && (first == 0xC2 || first == 0xC3 || first == 0xC5 || first == 0xCE || first == 0xD0 || first == 0xD9))
    return 2;
  if (within(first, 0xE2, 0xE3) && space(1) && narrow(2)) return 3;
  if (within(first, 0xE0, 0xE3) && narrow(1) && space(2)) return 3;
  if (first == 0xF0 &&
      ((space(1) && wide(2) && wide(3)) || (wide(1) && space(2) && wide(3)) || (wide(1) && wide(2) && space(3)))) {
    return 4;
  }
  return 0;
}

bool has_spaced_sequence(const ByteString& b) {
  for (std::size_t at = 0; at < b.size(); ++at) {
    if (spaced_sequence(b, at) > 0) return true;
  }
  return false;
}

// Replaces spaces by bytes A0 where they were lost. A single "a grave" keeps the space after it, except before the Portuguese
// words that are joined to it.
ByteString restore_spaces(const ByteString& b) {
  ByteString apart;
  for (std::size_t at = 0; at < b.size(); ++at) {
    apart += b[at];
    if (b[at] != 0xC3 || at + 1 >= b.size() || b[at + 1] != 0x20) continue;
    const auto follows = [&](const char* word) {
      const ByteString w(reinterpret_cast<const unsigned char*>(word));
      return b.compare(at + 2, w.size(), w) == 0;
    };
    if (follows(" ") || follows("quele") || follows("quela") || follows("quilo") || follows("s ")) continue;
    apart += ByteString{0xA0, 0x20};
    ++at;
  }
  for (std::size_t at = 0; at < apart.size();) {
    const std::size_t length = spaced_sequence(apart, at);
    for (std::size_t i = 0; i < length; ++i) {
      if (apart[at + i] == 0x20) apart[at + i] = 0xA0;
    }
    at += length > 0 ? length : 1;
  }
  return apart;
}

// Length of a UTF-8 sequence at `at` with lost bytes (1A, or one "?").
std::size_t lossy_sequence(const ByteString& b, std::size_t at) {
  const auto is = [&](std::size_t i, int low, int high) { return at + i < b.size() && within(b[at + i], low, high); };
  const auto lost = [&](std::size_t i) { return is(i, 0x1A, 0x1A); };
  const auto gone = [&](std::size_t i) { return lost(i) || is(i, '?', '?'); };
  const auto any = [&](std::size_t i) { return lost(i) || is(i, 0x80, 0xBF); };
  const auto either = [&](std::size_t i) { return gone(i) || is(i, 0x80, 0xBF); };
  if (is(0, 0xC2, 0xDF) && lost(1)) return 2;
  if (is(0, 0xC2, 0xC3) && is(1, '?', '?')) return 2;
  if (is(0, 0xED, 0xED) && is(1, 0xA0, 0xAF) && is(3, 0xED, 0xED) && is(4, 0xB0, 0xBF) &&
      ((gone(2) && either(5)) || (either(2) && gone(5)))) {
    return 6;
  }
  if (is(0, 0xE0, 0xEF) && ((gone(1) && any(2)) || (any(1) && gone(2)))) return 3;
  if (is(0, 0xF0, 0xF4) && ((gone(1) && any(2) && any(3)) || (any(1) && gone(2) && any(3)) || (any(1) && any(2) && gone(3)))) {
    return 4;
  }
  return lost(0) ? 1 : 0;
}

ByteString mark_lossy(const ByteString& b) {
  ByteString out;
  for (std::size_t at = 0; at < b.size();) {
    const std::size_t length = lossy_sequence(b, at);
    if (length > 0) {
      out += ByteString{0xEF, 0xBF, 0xBD};
      at += length;
    } else {
      out += b[at++];
    }
  }
  return out;
}

// Decodes as UTF-8 a text that was decoded in one of the single-byte encodings.
std::optional<std::u32string> reread(const std::u32string& text) {
  for (const Codec& codec : codecs()) {
    std::optional<ByteString> bytes = codec.encode(text);
    if (!bytes) continue;
    // In MacRoman an en dash before a space would match, too.
    if (codec.name != "macroman" && has_spaced_sequence(*bytes)) bytes = restore_spaces(*bytes);
    if (codec.sloppy) bytes = mark_lossy(*bytes);
    if (std::optional<std::u32string> fixed = decode_utf8(*bytes)) return fixed;
  }
  return std::nullopt;
}

// End of the run at `at` of sequences that look like UTF-8 decoded in a single-byte encoding.
std::size_t embedded_run(std::u32string_view text, std::size_t at) {
  static const CharacterSet strict = character_class("strict_continuation"), follows = character_class("continuation");
  static const std::array<CharacterSet, 3> leads{character_class("lead_of_2"), character_class("lead_of_3"),
                                                 character_class("lead_of_4")};
  if (at > 0 && strict.holds(text[at - 1])) return at;
  for (bool found = true; found;) {
    found = false;
    for (std::size_t more = 1; more <= 3 && !found; ++more) {
      if (at + more >= text.size() || !leads[more - 1].holds(text[at])) continue;
      found = true;
      for (std::size_t i = 1; i <= more; ++i) found = found && follows.holds(text[at + i]);
      if (found) at += more + 1;
    }
  }
  return at;
}

std::u32string repair_embedded(const std::u32string& text) {
  std::u32string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = embedded_run(text, at);
    if (end == at) {
      out += text[at++];
      continue;
    }
    const std::u32string part = text.substr(at, end - at);
    // Only if it is shorter than the text, for the whole text has just been tried.
    out += part.size() < text.size() && is_mojibake(part) ? repair_encoding(part) : part;
    at = end;
  }
  return out;
}

bool is_control(char32_t c) { return c >= 0x80 && c <= 0x9F; }

std::u32string repair_once(const std::u32string& text) {
  if (!is_mojibake(text)) return text;
  if (std::optional<std::u32string> fixed = reread(text)) return *fixed;
  std::u32string fixed = repair_embedded(text);
  if (fixed != text) return fixed;
  // Latin-1 with control characters was Windows-1252. Both readings give the same replacement.
  return windows_controls(text);
}

}  // namespace

std::u32string windows_controls(std::u32string text) {
  static const Codec& windows = codecs()[1];
  for (char32_t& c : text) {
    if (is_control(c)) c = windows.upper[c - 0x80];
  }
  return text;
}

std::u32string repair_encoding(const std::u32string& text) {
  std::u32string now = text;
  for (;;) {
    std::u32string next = repair_once(now);
    if (next == now) return now;
    now = std::move(next);
  }
}

}  // namespace sam3lab::sam3
