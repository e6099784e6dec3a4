#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include <nifti1.h>
#include <torch/types.h>
#include <zlib.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "core/base/atomic_file.h"

namespace sam3lab {
namespace {

// Plain, or in gzip, to a file that appears whole or not at all.
class Output {
 public:
  Output(const std::string& path, bool packed) : path_(path), file_(path), packed_(packed) {
    constexpr int level = 6, gzip = 16, memory = 8;
    if (packed && deflateInit2(&stream_, level, Z_DEFLATED, MAX_WBITS + gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK)
      throw DataError(Fault{path, "cannot be written: no memory", "", "", ""});
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    if (packed_) deflateEnd(&stream_);
  }

  void write(const void* data, std::size_t size) {
    if (!packed_) return file_.write(data, size);
    const auto* from = static_cast<const std::uint8_t*>(data);
    for (std::size_t done = 0; done < size;) {
      const auto part = std::min<std::size_t>(size - done, 1U << 20);
      stream_.next_in = const_cast<Bytef*>(from + done);
      stream_.avail_in = static_cast<unsigned>(part);
      pack(Z_NO_FLUSH);
      done += part;
    }
  }
  void commit() {
    if (packed_) pack(Z_FINISH);
    file_.commit();
  }

 private:
  void pack(int flush) {
    int code = Z_OK;
    do {
      stream_.next_out = buffer_.data();
      stream_.avail_out = static_cast<unsigned>(buffer_.size());
      code = deflate(&stream_, flush);
      file_.write(buffer_.data(), buffer_.size() - stream_.avail_out);
    } while (stream_.avail_out == 0 || (flush == Z_FINISH && code == Z_OK));
  }

  std::string path_;
  AtomicFile file_;
  bool packed_;
  z_stream stream_{};
  std::vector<Bytef> buffer_ = std::vector<Bytef>(1 << 16);
};

std::int16_t datatype_of(const at::Tensor& voxels) {
  switch (voxels.scalar_type()) {
    case at::kByte:
      return DT_UINT8;
    case at::kShort:
      return DT_INT16;
    case at::kInt:
      return DT_INT32;
    default:
      return DT_FLOAT32;
  }
}

nifti_1_header header_of(const Volume& volume, std::int16_t datatype, std::size_t element) {
  nifti_1_header header{};
  header.sizeof_hdr = sizeof header;
  header.regular = 'r';
  header.dim[0] = 3;
  for (std::size_t i = 1; i < 8; ++i) header.dim[i] = 1, header.pixdim[i] = 1;
  header.pixdim[0] = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    header.dim[axis + 1] = static_cast<std::int16_t>(volume.voxels.size(static_cast<std::int64_t>(axis)));
    header.pixdim[axis + 1] = static_cast<float>(volume.spacing_mm[axis]);
  }
  header.datatype = datatype;
  header.bitpix = static_cast<std::int16_t>(8 * element);
  header.vox_offset = sizeof header + 4;
  header.scl_slope = 1;
  header.xyzt_units = NIFTI_UNITS_MM;
  // As a qform, an affine that shears or is mirrored would not survive; every reader knows the sform.
  header.sform_code = NIFTI_XFORM_SCANNER_ANAT;
  float* const rows[3] = {header.srow_x, header.srow_y, header.srow_z};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 4; ++i) rows[row][i] = static_cast<float>(volume.affine[row][i]);
  }
  std::memcpy(header.magic, "n+1", 4);
  return header;
}

}  // namespace

void write_volume(const std::filesystem::path& path, const Volume& volume) {
  TORCH_CHECK(volume.voxels.dim() == 3, "write_volume: [I, J, K]");
  for (const auto n : volume.voxels.sizes()) {
    if (n < 1 || n > 32767) {
      throw DataError(Fault{path.string(), "a volume that NIfTI-1 cannot hold", std::to_string(n) + " voxels along an axis",
                            "1 to 32767", ""});
    }
  }
  auto voxels = volume.voxels.cpu();
  if (voxels.scalar_type() == at::kBool) voxels = voxels.to(at::kByte);
  const auto datatype = datatype_of(voxels);
  if (datatype == DT_FLOAT32) voxels = voxels.to(at::kFloat);
  const auto flat = voxels.permute({2, 1, 0}).contiguous();  // the first axis varies fastest
  const auto header = header_of(volume, datatype, flat.element_size());
  std::error_code ignored;  // the file itself says what is wrong
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), ignored);
  Output out(path.string(), path.extension() == ".gz");
  out.write(&header, sizeof header);
  const char no_extension[4] = {};
  out.write(no_extension, sizeof no_extension);
  out.write(flat.data_ptr(), flat.nbytes());
  out.commit();
}

}  // namespace sam3lab
