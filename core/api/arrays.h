// Arrays from MATLAB files (version 5 to 7, and 7.3 which is HDF5), other HDF5 files, NumPy's .npy and .npz. Files are not
// trusted (see image.h). DataError for what is missing, damaged, too large, or no array of numbers: cells, structs, texts,
// sparse or complex arrays, objects.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/export.h>

namespace sam3lab {

struct ArrayInfo {
  std::string name;                 // empty for .npy; "a/b" for a dataset in an HDF5 group
  std::vector<std::int64_t> shape;  // as MATLAB or NumPy show it
  at::ScalarType type;              // what read_array gives
};

// The arrays of numbers of a file, sorted by name; others are left out.
SAM3LAB_API std::vector<ArrayInfo> list_arrays(const std::filesystem::path& path);

// Rows along the first axis; count -1: all from `first` on.
struct ArrayRows {
  std::int64_t first = 0, count = -1;
};

// Array `variable` (empty: the only one of the file) with the axes and indices that MATLAB or NumPy show, contiguous.
// The type is the file's, but uint16 becomes int32, uint32 and uint64 int64 (refused above 2^63 - 1), float16 float32, logical
// bool. At most 4 GiB come out; with `rows`, an uncompressed .npy or .npz member may be larger, only the rows are read.
SAM3LAB_API at::Tensor read_array(const std::filesystem::path& path, const std::string& variable = "", ArrayRows rows = {});

}  // namespace sam3lab
