// Types of numbers in files.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sam3lab {

enum class NumberType { boolean, u8, i8, u16, i16, u32, i32, u64, i64, f16, f32, f64 };
std::size_t number_bytes(NumberType type);

// The same number with its bytes in the other order.
template <class T>
T swapped(T value) {
  std::array<std::uint8_t, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  std::reverse(bytes.begin(), bytes.end());
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace sam3lab
