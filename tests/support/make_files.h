// Small files for tests: bytes, texts, volumes.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <nifti1.h>

#include "tests/support/temp_folder.h"

namespace sam3lab::test {

inline void write_bytes(const std::string& path, const std::vector<std::uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_text(const std::string& path, const std::string& text) { write_bytes(path, {text.begin(), text.end()}); }

using Rows = std::array<std::array<float, 4>, 3>;
inline constexpr Rows identity_rows = {{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};

template <class T>
nifti_1_header nifti_header(std::array<std::int16_t, 3> sizes, std::int16_t datatype, const Rows& rows = identity_rows) {
  nifti_1_header header{};
  header.sizeof_hdr = 348;
  header.dim[0] = 3;
  for (std::size_t i = 0; i < 3; ++i) header.dim[i + 1] = sizes[i], header.pixdim[i + 1] = 1;
  for (std::size_t i = 4; i < 8; ++i) header.dim[i] = 1;
  header.pixdim[0] = 1;
  header.datatype = datatype;
  header.bitpix = static_cast<std::int16_t>(8 * sizeof(T));
  header.vox_offset = 352;
  header.scl_slope = 1;
  header.sform_code = 2;
  for (std::size_t i = 0; i < 4; ++i)
    header.srow_x[i] = rows[0][i], header.srow_y[i] = rows[1][i], header.srow_z[i] = rows[2][i];
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

template <class T>
std::vector<std::uint8_t> nifti_bytes(const nifti_1_header& header, const std::vector<T>& voxels) {
  std::vector<std::uint8_t> bytes(352 + voxels.size() * sizeof(T), 0);
  std::memcpy(bytes.data(), &header, sizeof header);
  std::memcpy(bytes.data() + 352, voxels.data(), voxels.size() * sizeof(T));
  return bytes;
}

}  // namespace sam3lab::test
