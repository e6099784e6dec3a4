// NumPy's .npy, versions 1 to 3 (numpy.org/neps/nep-0001-npy-format.html).
#include <bit>
#include <charconv>
#include <cstring>
#include <map>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/array_formats.h"

namespace sam3lab {
namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr std::size_t longest_header = 1 << 16, npy_most_axes = 16;

struct NpyHeader {
  std::string type;
  bool columns = false;  // the first axis varies fastest
  std::vector<std::int64_t> shape;
};

// The header is a Python literal: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
class Literal {
 public:
  Literal(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader header() {
    NpyHeader header;
    int seen = 0;
    expect('{');
    while (!take('}')) {
      const auto key = quoted();
      expect(':');
      if (key == "descr") {
        skip_blanks();
        if (at_ < text_.size() && text_[at_] == '[') refuse("a table of named columns");
        header.type = quoted();
      } else if (key == "fortran_order") {
        header.columns = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        refuse("an unknown key");
      }
      ++seen;
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (seen != 3 || header.type.empty()) refuse("keys missing or given twice");
    return header;
  }

 private:
  [[noreturn]] void refuse(const std::string& got) const {
    throw DataError(Fault{name_, "damaged .npy header", got, "descr, fortran_order and shape", ""});
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool take(char letter) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != letter) return false;
    ++at_;
    return true;
  }
  void expect(char letter) {
    if (!take(letter)) refuse("no mark '" + std::string(1, letter) + "' where one is needed");
  }
  std::string quoted() {
    skip_blanks();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') refuse("no text where one is needed");
    const auto end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) refuse("a text without end");
    const auto out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return std::string(out);
  }
  bool boolean() {
    skip_blanks();
    for (const auto& [word, value] : {std::pair(std::string_view("True"), true), {std::string_view("False"), false}}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    refuse("neither True nor False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!take(')')) {
      skip_blanks();
      std::int64_t size = 0;
      const auto [stop, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (code != std::errc() || size < 0) refuse("a size that is no number");
      at_ = static_cast<std::size_t>(stop - text_.data());
      sizes.push_back(size);
      if (sizes.size() > npy_most_axes) refuse("too many axes");
      take('L');  // as Python 2 wrote it
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
};

struct NpyType {
  NumberType element = NumberType::u8;
  bool swap = false;
};

// "<f8": byte order, kind, bytes.
std::optional<NpyType> type_of(const std::string& descr) {
  static const std::map<std::string, NumberType> kinds = {
      {"b1", NumberType::boolean}, {"u1", NumberType::u8},  {"i1", NumberType::i8},  {"u2", NumberType::u16},
      {"i2", NumberType::i16},     {"u4", NumberType::u32}, {"i4", NumberType::i32}, {"u8", NumberType::u64},
      {"i8", NumberType::i64},     {"f2", NumberType::f16}, {"f4", NumberType::f32}, {"f8", NumberType::f64},
  };
  if (descr.size() != 3 || std::strchr("<>|=", descr[0]) == nullptr) return std::nullopt;
  const auto found = kinds.find(descr.substr(1));
  if (found == kinds.end()) return std::nullopt;
  const bool little = std::endian::native == std::endian::little;
  return NpyType{found->second, descr[0] == (little ? '>' : '<')};
}

NpyHeader read_header(ByteSource& source) {
  char begin[8];
  source.exactly(begin, sizeof begin);
  if (std::string_view(begin, magic.size()) != magic) throw DataError(Fault{source.name(), "not an .npy array", "", "", ""});
  const auto version = static_cast<unsigned char>(begin[6]);
  std::uint8_t length[4] = {};
  if (version < 1 || version > 3)
    throw DataError(Fault{source.name(), "unsupported .npy version", std::to_string(version), "1 to 3", ""});
  source.exactly(length, version == 1 ? 2 : 4);
  const std::size_t size = length[0] | length[1] << 8 | length[2] << 16 | static_cast<std::size_t>(length[3]) << 24;
  if (size > longest_header)
    throw DataError(Fault{source.name(), "damaged .npy header", std::to_string(size) + " bytes", "at most 65536", ""});
  std::string text(size, '\0');
  source.exactly(text.data(), size);
  return Literal(text, source.name()).header();
}

}  // namespace

bool is_npy(std::string_view first_bytes) { return first_bytes.starts_with(magic); }

std::optional<ArrayInfo> describe_npy(ByteSource& source) {
  const auto header = read_header(source);
  const auto type = type_of(header.type);
  if (!type) return std::nullopt;
  return ArrayInfo{"", header.shape, tensor_type(type->element)};
}

at::Tensor read_npy(ByteSource& source, std::uint64_t stored, ArrayRows rows) {
  const auto header = read_header(source);
  const auto type = type_of(header.type);
  if (!type) {
    throw DataError(Fault{source.name(), "an array that is not of numbers", "type '" + header.type + "'",
                          "integers, real numbers or truth values", "save it again with a plain type"});
  }
  auto shape = header.shape;
  rows = checked_rows(source.name(), rows, shape);
  const bool some = !shape.empty() && rows.count != shape.front();
  const auto tensor = tensor_type(type->element);
  if (some && !header.columns) {
    auto one_row = shape;
    one_row.front() = 1;
    const auto bytes =
        checked_elements(source.name(), one_row, tensor) * static_cast<std::int64_t>(number_bytes(type->element));
    if (bytes > 0 && rows.first > INT64_MAX / bytes)
      throw DataError(Fault{source.name(), "damaged .npy header", "rows beyond any file", "", ""});
    source.skip(static_cast<std::uint64_t>(rows.first * bytes));
    shape.front() = rows.count;
  }
  const auto count = checked_elements(source.name(), shape, tensor);
  check_promise(source.name(), static_cast<std::uint64_t>(count) * number_bytes(type->element), stored);
  const auto flat = read_elements(source, type->element, type->swap, count);
  source.check_end();
  if (!header.columns) return flat.view(shape);
  const auto whole = from_columns(flat, shape);
  return some ? whole.narrow(0, rows.first, rows.count).contiguous() : whole;
}

}  // namespace sam3lab
