// Numbers and texts one after another as bytes, and back. Reading never passes the end: what is missing makes the reader fail.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace sam3lab::datasets {

class ByteWriter {
 public:
  template <class Number>
  ByteWriter& number(Number value) {
    static_assert(std::is_arithmetic_v<Number> && sizeof(Number) == 8);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  ByteWriter& count(std::size_t value) { return number(std::uint64_t{value}); }
  ByteWriter& text(std::string_view value) {  // with its length, so that no two lists of texts look alike
    count(value.size()).text_.append(value);
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return text_; }

 private:
  std::string text_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class Number>
  Number number() {
    static_assert(std::is_arithmetic_v<Number> && sizeof(Number) == 8);
    Number value{};
    if (rest_.size() < sizeof value) {
      failed_ = true;
    } else {
      std::memcpy(&value, rest_.data(), sizeof value);
      rest_.remove_prefix(sizeof value);
    }
    return value;
  }
  // How many things follow of which each takes `least` bytes at least; 0 if there is no room for them.
  std::size_t count(std::size_t least) {
    const auto value = number<std::uint64_t>();
    if (value <= rest_.size() / least) return static_cast<std::size_t>(value);
    failed_ = true;
    return 0;
  }
  std::string text() {
    const std::string value(rest_.substr(0, count(1)));
    rest_.remove_prefix(value.size());
    return value;
  }
  // Nothing was missing, and nothing is left.
  [[nodiscard]] bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace sam3lab::datasets
