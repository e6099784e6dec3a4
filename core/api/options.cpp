#include <sam3lab/api/options.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sam3lab {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string format_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// A number in a sentence: 0, not 0.0.
std::string short_number(double value) {
  std::string text = format_number(value);
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

std::string quote(const std::string& text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += "\\u00";
      quoted += digits[byte >> 4];
      quoted += digits[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

template <class List, class Format>
std::string list_of(const List& list, Format format) {
  std::string text = "[";
  for (const auto& item : list) text += (text.size() > 1 ? ", " : "") + format(item);
  return text + "]";
}

std::string table_of(const Dictionary& table) {
  std::string text;
  for (const auto& [key, value] : table) text += (text.empty() ? " " : ", ") + quote(key) + " = " + quote(value);
  return text.empty() ? "{}" : "{" + text + " }";
}

}  // namespace

std::string type_name(const OptionValue& value) {
  static const std::array<std::string, std::variant_size_v<OptionValue>> names = {
      "true or false", "integer", "number", "text", "list of integers", "list of numbers", "list of texts", "table of texts"};
  return names[value.index()];
}

std::string format_value(const OptionValue& value) {
  const auto integer = [](std::int64_t v) { return std::to_string(v); };
  return std::visit(
      Overloaded{[](bool v) -> std::string { return v ? "true" : "false"; }, [&](std::int64_t v) { return integer(v); },
                 [](double v) { return format_number(v); }, [](const std::string& v) { return quote(v); },
                 [&](const Integers& v) { return list_of(v, integer); },
                 [](const Numbers& v) { return list_of(v, format_number); }, [](const Texts& v) { return list_of(v, quote); },
                 [](const Dictionary& v) { return table_of(v); }},
      value);
}

std::string Limits::describe() const {
  std::string text;
  const auto say = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (length_) say(std::to_string(*length_) + " values");
  if (low_ && high_ && !low_open_ && !high_open_) {
    say(short_number(*low_) + " to " + short_number(*high_));
  } else {
    if (low_) say((low_open_ ? "more than " : "at least ") + short_number(*low_));
    if (high_) say((high_open_ ? "less than " : "at most ") + short_number(*high_));
  }
  if (!words_.empty()) {
    std::string list;
    for (const std::string& word : words_) list += (list.empty() ? "" : ", ") + word;
    say("one of: " + list);
  }
  return text;
}

std::optional<std::string> Limits::refuse(const OptionValue& value) const {
  const auto number = [this](double v) {
    return std::isfinite(v) && (!low_ || (low_open_ ? v > *low_ : v >= *low_)) &&
           (!high_ || (high_open_ ? v < *high_ : v <= *high_));
  };
  const auto integer = [&number](std::int64_t v) { return number(static_cast<double>(v)); };
  const auto word = [this](const std::string& v) { return words_.empty() || std::ranges::find(words_, v) != words_.end(); };
  const auto counted = [this](const auto& list) { return !length_ || list.size() == *length_; };
  const bool good = std::visit(Overloaded{[](bool) { return true; }, integer, number, word,
                                          [&](const Integers& v) { return counted(v) && std::ranges::all_of(v, integer); },
                                          [&](const Numbers& v) { return counted(v) && std::ranges::all_of(v, number); },
                                          [&](const Texts& v) { return counted(v) && std::ranges::all_of(v, word); },
                                          [](const Dictionary&) { return true; }},
                               value);
  if (good) return std::nullopt;
  const std::string described = describe();
  return described.empty() ? "a finite number" : described;
}

}  // namespace sam3lab
