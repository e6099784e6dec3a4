// Parses and checks the JSON header of a safetensors file. The data are not needed.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>

#include "core/tensor/tensors.h"

namespace sam3lab::safetensors {

inline constexpr std::uint64_t header_limit = 100'000'000;  // bytes; the limit of the format's own implementation
inline constexpr std::size_t tensor_limit = 1'000'000;
inline constexpr std::size_t dimension_limit = 64;

struct Entry {
  std::string name;
  c10::ScalarType type = c10::ScalarType::Undefined;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // bytes, from the end of the header
};

struct Header {
  std::vector<Entry> entries;  // sorted by begin
  Metadata metadata;
};

// Checks that the types are known, that the sizes fit the byte ranges, and that the ranges cover [0, data_size) without gap or
// overlap. `path` is for error messages.
Header parse_header(std::string_view json, std::uint64_t data_size, const std::string& path);

std::optional<c10::ScalarType> type_of(std::string_view name);  // "BF16"
std::optional<std::string_view> name_of(c10::ScalarType type);

}  // namespace sam3lab::safetensors
