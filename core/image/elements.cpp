#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/array_formats.h"

namespace sam3lab {
namespace {

constexpr std::int64_t most_bytes = std::int64_t{4} << 30, block = 1 << 16;

// Numbers of the file's type From as numbers of To.
template <class From, class To, class Convert>
at::Tensor convert(ByteSource& source, bool swap, std::int64_t count, const Convert& to) {
  auto out = torch::empty({count}, c10::CppTypeToScalarType<To>::value);
  auto* next = out.template data_ptr<To>();
  std::vector<From> part(static_cast<std::size_t>(std::min(count, block)));
  for (std::int64_t done = 0; done < count;) {
    const auto n = static_cast<std::size_t>(std::min(count - done, block));
    source.exactly(part.data(), n * sizeof(From));
    for (std::size_t i = 0; i < n; ++i) *next++ = to(swap ? swapped(part[i]) : part[i]);
    done += static_cast<std::int64_t>(n);
  }
  return out;
}

template <class From, class To>
at::Tensor read_elements(ByteSource& source, bool swap, std::int64_t count) {
  return convert<From, To>(source, swap, count, [](From value) { return static_cast<To>(value); });
}

at::Tensor halves(ByteSource& source, bool swap, std::int64_t count) {
  return convert<std::uint16_t, float>(
      source, swap, count, [](std::uint16_t bits) { return static_cast<float>(c10::Half(bits, c10::Half::from_bits())); });
}

at::Tensor large(ByteSource& source, bool swap, std::int64_t count) {
  return convert<std::uint64_t, std::int64_t>(source, swap, count, [&source](std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      throw DataError(Fault{source.name(), "a number too large", std::to_string(value), "less than 2^63", ""});
    return static_cast<std::int64_t>(value);
  });
}

}  // namespace

at::ScalarType tensor_type(NumberType type) {
  switch (type) {
    case NumberType::boolean:
      return at::kBool;
    case NumberType::u8:
      return at::kByte;
    case NumberType::i8:
      return at::kChar;
    case NumberType::i16:
      return at::kShort;
    case NumberType::u16:
    case NumberType::i32:
      return at::kInt;
    case NumberType::f16:
    case NumberType::f32:
      return at::kFloat;
    case NumberType::f64:
      return at::kDouble;
    default:
      return at::kLong;
  }
}

std::int64_t checked_elements(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType type) {
  const auto most = most_bytes / static_cast<std::int64_t>(c10::elementSize(type));
  std::int64_t count = 1;
  bool empty = false;
  for (const auto n : shape) {
    if (n < 0) throw DataError(Fault{name, "damaged array", "a size of " + std::to_string(n), "0 or more", ""});
    empty = empty || n == 0;
    if (n > 0 && n > most / count)
      throw DataError(Fault{name, "array too large", "more than 4 GiB", "at most 4 GiB", "read some of its rows, or split it"});
    count *= std::max<std::int64_t>(n, 1);
  }
  return empty ? 0 : count;
}

ArrayRows checked_rows(const std::string& name, ArrayRows rows, const std::vector<std::int64_t>& shape) {
  const auto all = shape.empty() ? 1 : shape.front();
  if (rows.first == 0 && rows.count == -1) return {0, all};
  const auto count = rows.count == -1 ? all - rows.first : rows.count;
  if (shape.empty() || rows.first < 0 || count < 0 || rows.first > all || count > all - rows.first) {
    throw DataError(Fault{name, "no such rows", std::to_string(rows.first) + " and " + std::to_string(count) + " from there",
                          "within 0.." + std::to_string(all - 1), ""});
  }
  return {rows.first, count};
}

at::Tensor read_elements(ByteSource& source, NumberType type, bool swap, std::int64_t count) {
  switch (type) {
    case NumberType::boolean:
      return convert<std::uint8_t, bool>(source, false, count, [](std::uint8_t value) { return value != 0; });
    case NumberType::u8:
      return read_elements<std::uint8_t, std::uint8_t>(source, swap, count);
    case NumberType::i8:
      return read_elements<std::int8_t, std::int8_t>(source, swap, count);
    case NumberType::u16:
      return read_elements<std::uint16_t, std::int32_t>(source, swap, count);
    case NumberType::i16:
      return read_elements<std::int16_t, std::int16_t>(source, swap, count);
    case NumberType::u32:
      return read_elements<std::uint32_t, std::int64_t>(source, swap, count);
    case NumberType::i32:
      return read_elements<std::int32_t, std::int32_t>(source, swap, count);
    case NumberType::u64:
      return large(source, swap, count);
    case NumberType::i64:
      return read_elements<std::int64_t, std::int64_t>(source, swap, count);
    case NumberType::f16:
      return halves(source, swap, count);
    case NumberType::f32:
      return read_elements<float, float>(source, swap, count);
    default:
      return read_elements<double, double>(source, swap, count);
  }
}

at::Tensor from_columns(const at::Tensor& flat, const std::vector<std::int64_t>& shape) {
  const std::vector<std::int64_t> reversed(shape.rbegin(), shape.rend());
  std::vector<std::int64_t> order;
  for (auto axis = static_cast<std::int64_t>(shape.size()) - 1; axis >= 0; --axis) order.push_back(axis);
  return flat.view(reversed).permute(order).contiguous();
}

}  // namespace sam3lab
