#include "core/image/header_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/volume_formats.h"

namespace sam3lab {
namespace {

constexpr std::string_view blanks = " \t\r\n";

template <class T>
std::vector<T> parse(std::string_view text, const std::string& name, const std::string& field, std::size_t count) {
  std::vector<T> values;
  for (const auto& word : words_in(text)) {
    T value{};
    const char* begin = word.data() + (word.front() == '+' ? 1 : 0);
    const auto [stop, code] = std::from_chars(begin, word.data() + word.size(), value);
    if (code != std::errc() || stop != word.data() + word.size())
      throw DataError(Fault{name, "damaged header", field + ": '" + word + "'", "a number", ""});
    values.push_back(value);
  }
  if (values.empty() || (count > 0 && values.size() != count)) {
    throw DataError(Fault{name, "damaged header", field + ": " + std::to_string(values.size()) + " numbers",
                          count > 0 ? std::to_string(count) : "at least one", ""});
  }
  return values;
}

}  // namespace

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::vector<std::string> words_in(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = text.find_first_not_of(blanks, at)) != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(blanks, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::vector<double> numbers_in(std::string_view text, const std::string& name, const std::string& field, std::size_t count) {
  return parse<double>(text, name, field, count);
}

std::vector<std::int64_t> integers_in(std::string_view text, const std::string& name, const std::string& field,
                                      std::size_t count) {
  return parse<std::int64_t>(text, name, field, count);
}

std::filesystem::path beside(const std::filesystem::path& header, const std::string& name) {
  const std::filesystem::path file(name);
  const bool inside =
      file.is_relative() && std::none_of(file.begin(), file.end(), [](const auto& part) { return part == ".."; });
  if (name.empty() || !inside || name.find('\0') != std::string::npos) {
    throw DataError(Fault{header.string(), "data in a place that is not read", "'" + name + "'",
                          "a file in the header's folder or below", "put both into one folder and repair the header"});
  }
  return header.parent_path() / file;
}

Pixels image_of_volumes(const std::vector<at::Tensor>& volumes, NumberType type, const std::string& name) {
  const auto& first = volumes.front();
  const auto channels = static_cast<std::int64_t>(volumes.size());
  const bool colours = (channels == 3 && first.size(2) == 1) || (channels == 1 && first.size(2) == 3);
  if (!colours && (channels != 1 || first.size(2) != 1)) {
    throw DataError(Fault{name, "a volume where an image is needed",
                          std::to_string(first.size(2)) + " slices of " + std::to_string(channels) + " channels",
                          "one slice, or three that are red, green and blue", "use it as a volume"});
  }
  check_size(name, static_cast<std::uint64_t>(first.size(1)), static_cast<std::uint64_t>(first.size(0)));
  const auto planes = channels == 3 ? torch::cat(volumes, 2) : first;
  const auto values = planes.permute({1, 0, 2}).contiguous();  // rows, columns, colours
  if (!values.eq(values.round()).all().item<bool>() || values.lt(0).any().item<bool>() || values.gt(65535).any().item<bool>()) {
    throw DataError(Fault{name, "values that are none of an image", "a fraction, NaN, or a number outside 0..65535",
                          "whole numbers of 0 to 65535", "use it as a volume, with a window"});
  }
  Pixels pixels{values.size(0), values.size(1), values.size(2), type == NumberType::u8 ? 8 : 16, {}};
  const auto count = static_cast<std::size_t>(values.numel());
  const auto* from = values.data_ptr<float>();
  if (pixels.bits == 8) {
    pixels.bytes.assign(from, from + count);
    return pixels;
  }
  pixels.bytes.resize(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::uint16_t>(from[i]);
    std::memcpy(pixels.bytes.data() + 2 * i, &value, 2);
  }
  return pixels;
}

}  // namespace sam3lab
