// MATLAB's MAT-files of version 5 to 7 (MathWorks, "MAT-File Format"): a header of 128 bytes, then elements, each in zlib's
// format or not. Only full arrays of numbers and truth values are read.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/array_formats.h"

namespace sam3lab {
namespace {

constexpr std::size_t header_bytes = 128, most_variables = 10000, mat_most_axes = 16, mat_longest_name = 256;
constexpr std::uint32_t compressed = 15, matrix_type = 14, complex_flag = 0x800, logical_flag = 0x200;

std::optional<NumberType> stored_type(std::uint32_t code) {
  constexpr std::array<NumberType, 14> types = {
      NumberType::u8,  NumberType::i8, NumberType::u8,  NumberType::i16, NumberType::u16, NumberType::i32, NumberType::u32,
      NumberType::f32, NumberType::u8, NumberType::f64, NumberType::u8,  NumberType::u8,  NumberType::i64, NumberType::u64};
  if (code < 1 || code > 13 || code == 8 || code == 10 || code == 11) return std::nullopt;
  return types[code];
}

// Type of the array itself; numbers may be stored in a smaller one.
std::optional<NumberType> array_type(std::uint32_t flags) {
  if ((flags & complex_flag) != 0) return std::nullopt;
  if ((flags & logical_flag) != 0) return NumberType::boolean;
  constexpr std::array<NumberType, 10> types = {NumberType::f64, NumberType::f32, NumberType::i8,  NumberType::u8,
                                                NumberType::i16, NumberType::u16, NumberType::i32, NumberType::u32,
                                                NumberType::i64, NumberType::u64};
  const auto kind = flags & 0xff;
  if (kind < 6 || kind > 15) return std::nullopt;
  return types[kind - 6];
}

struct Tag {
  std::uint32_t type = 0;
  std::uint64_t size = 0, padding = 0;
};

// The elements within one variable.
class Variable {
 public:
  Variable(ByteSource& source, bool swap) : source_(source), swap_(swap) {}

  // Name, shape and type; nothing for what is no array of numbers.
  std::optional<ArrayInfo> describe() {
    auto tag = next();
    if (tag.type != 6 || tag.size != 8) refuse("no array flags");
    const auto flags = word();
    word();
    skip(tag.padding);
    type_ = array_type(flags);
    if (!type_) return std::nullopt;
    tag = next();
    if (tag.type != 5 || tag.size % 4 != 0 || tag.size < 8 || tag.size > 4 * mat_most_axes) refuse("no sizes");
    ArrayInfo info;
    for (std::uint64_t i = 0; i < tag.size / 4; ++i) info.shape.push_back(static_cast<std::int32_t>(word()));
    skip(tag.padding);
    tag = next();
    if (tag.type != 1 || tag.size > mat_longest_name) refuse("no name");
    info.name.resize(tag.size);
    source_.exactly(info.name.data(), tag.size);
    skip(tag.padding);
    info.type = tensor_type(*type_);
    return info;
  }

  at::Tensor read(const ArrayInfo& info, std::uint64_t stored) {
    const auto count = checked_elements(source_.name(), info.shape, info.type);
    const auto tag = next();
    const auto type = stored_type(tag.type);
    if (!type || tag.size != static_cast<std::uint64_t>(count) * number_bytes(*type)) refuse("numbers of another size");
    check_promise(source_.name(), tag.size, stored);
    const auto flat = read_elements(source_, *type, swap_, count);
    source_.check_end();
    return from_columns(*type_ == NumberType::boolean ? flat.ne(0) : flat.to(info.type), info.shape);
  }

 private:
  [[noreturn]] void refuse(const std::string& got) const {
    throw DataError(Fault{source_.name(), "damaged MAT-file", got, "", "save it again"});
  }
  std::uint32_t word() {
    std::uint32_t value = 0;
    source_.exactly(&value, sizeof value);
    return swap_ ? __builtin_bswap32(value) : value;
  }
  void skip(std::uint64_t count) { source_.skip(count); }

  // Up to four bytes of data stand within the tag.
  Tag next() {
    const auto first = word();
    if (first >> 16 != 0) {
      const std::uint64_t size = first >> 16;
      if (size > 4) refuse("a short element of " + std::to_string(size) + " bytes");
      return {first & 0xffff, size, 4 - size};
    }
    const std::uint64_t size = word();
    return {first, size, (8 - size % 8) % 8};
  }

  ByteSource& source_;
  bool swap_;
  std::optional<NumberType> type_;
};

// Calls `use` with each variable that is a matrix, until it says that it has what it needs.
void each_variable(std::string_view file, const std::string& name,
                   const std::function<bool(ByteSource&, bool swap, std::uint64_t stored)>& use) {
  if (!is_mat5(file)) throw DataError(Fault{name, "not a MAT-file of version 5 to 7", "", "", ""});
  const bool little = file[126] == 'I', swap = little != (std::endian::native == std::endian::little);
  const auto word = [&](std::string_view from, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, from.data() + at, sizeof value);
    return swap ? __builtin_bswap32(value) : value;
  };
  auto rest = file.substr(header_bytes);
  for (std::size_t i = 0; rest.size() >= 8; ++i) {
    if (i == most_variables) throw DataError(Fault{name, "too many variables", "", std::to_string(most_variables), ""});
    const auto type = word(rest, 0);
    const std::uint64_t size = word(rest, 4);
    if (size > rest.size() - 8)
      throw DataError(Fault{name, "the file ends early", std::to_string(rest.size() - 8) + " bytes", std::to_string(size), ""});
    const auto body = rest.substr(8, size);
    MemorySource plain(body, name);
    if (type == matrix_type && use(plain, swap, size)) return;
    if (type == compressed) {
      UnpackedSource unpacked(plain, Packing::gzip_or_zlib);
      std::array<char, 8> tag{};
      unpacked.exactly(tag.data(), tag.size());
      if (word({tag.data(), tag.size()}, 0) == matrix_type && use(unpacked, swap, size)) return;
    }
    // Packed variables follow one another without padding.
    const auto padded = type == compressed ? size : (size + 7) / 8 * 8;
    rest.remove_prefix(std::min<std::uint64_t>(rest.size(), 8 + padded));
  }
}

}  // namespace

bool is_mat5(std::string_view first_bytes) {
  if (first_bytes.size() < header_bytes || !first_bytes.starts_with("MATLAB ")) return false;
  const auto mark = first_bytes.substr(124, 4);
  return mark == std::string_view("\x00\x01IM", 4) || mark == std::string_view("\x01\x00MI", 4);
}

std::vector<ArrayInfo> list_mat5(std::string_view file, const std::string& name) {
  std::vector<ArrayInfo> all;
  each_variable(file, name, [&](ByteSource& source, bool swap, std::uint64_t) {
    if (auto info = Variable(source, swap).describe()) all.push_back(std::move(*info));
    return false;
  });
  return all;
}

at::Tensor read_mat5(std::string_view file, const std::string& name, const std::string& variable) {
  at::Tensor out;
  each_variable(file, name, [&](ByteSource& source, bool swap, std::uint64_t stored) {
    Variable one(source, swap);
    const auto info = one.describe();
    if (!info || info->name != variable) return false;
    out = one.read(*info, stored);
    return true;
  });
  if (!out.defined()) throw DataError(Fault{name, "no such array", variable, "", ""});
  return out;
}

}  // namespace sam3lab
