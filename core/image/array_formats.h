// File formats of arrays, and what they share.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/arrays.h>
#include "core/image/byte_source.h"
#include "core/image/number_type.h"

namespace sam3lab {

at::ScalarType tensor_type(NumberType type);  // see read_array

// Product of the sizes; DataError below 0, or if they come to more than 4 GiB as `type` is kept in memory.
std::int64_t checked_elements(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType type);
// `rows` within the first axis, with its count filled in. DataError for rows that are not there.
ArrayRows checked_rows(const std::string& name, ArrayRows rows, const std::vector<std::int64_t>& shape);
// The next `count` numbers, [count] of tensor_type(type).
at::Tensor read_elements(ByteSource& source, NumberType type, bool swap, std::int64_t count);
// Numbers whose first axis varies fastest -> [shape], contiguous.
at::Tensor from_columns(const at::Tensor& flat, const std::vector<std::int64_t>& shape);

bool is_npy(std::string_view first_bytes);
bool is_mat5(std::string_view first_bytes);  // needs 128
bool is_hdf5(const std::filesystem::path& path);

// An array in a stream. `stored`: bytes of the stream before it was unpacked, `packed`: whether it was.
std::optional<ArrayInfo> describe_npy(ByteSource& source);
at::Tensor read_npy(ByteSource& source, std::uint64_t stored, ArrayRows rows);

std::vector<ArrayInfo> list_mat5(std::string_view file, const std::string& name);
at::Tensor read_mat5(std::string_view file, const std::string& name, const std::string& variable);

std::vector<ArrayInfo> list_hdf5(const std::filesystem::path& path);
at::Tensor read_hdf5(const std::filesystem::path& path, const std::string& variable, ArrayRows rows);

}  // namespace sam3lab
