#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include <nifti1.h>
#include <nifti2.h>

#include <sam3lab/api/error.h>
#include "core/image/volume_formats.h"
#include "core/image/voxels.h"

// nifticlib's headers give the layout; the reading is ours, because the library takes memory on the header's word and prints.
namespace sam3lab {
namespace {

// The fields that matter, of either version.
struct NiftiHeader {
  bool swap = false;
  std::int64_t dims[8] = {};
  int datatype = 0, qform = 0, sform = 0;
  double pixdim[8] = {}, offset = 0, slope = 0, inter = 0, quaternion[3] = {}, shift[3] = {}, rows[3][4] = {};
};

template <class Raw>
NiftiHeader header_of(const std::uint8_t* bytes, bool swap) {
  Raw raw;
  std::memcpy(&raw, bytes, sizeof raw);
  const auto value = [swap](auto field) { return swap ? swapped(field) : field; };
  NiftiHeader header;
  header.swap = swap;
  for (int i = 0; i < 8; ++i) {
    header.dims[i] = value(raw.dim[i]);
    header.pixdim[i] = static_cast<double>(value(raw.pixdim[i]));
  }
  header.datatype = value(raw.datatype);
  header.qform = static_cast<int>(value(raw.qform_code));
  header.sform = static_cast<int>(value(raw.sform_code));
  header.offset = static_cast<double>(value(raw.vox_offset));
  header.slope = static_cast<double>(value(raw.scl_slope));
  header.inter = static_cast<double>(value(raw.scl_inter));
  const decltype(raw.quatern_b) quaternion[3] = {raw.quatern_b, raw.quatern_c, raw.quatern_d};
  const decltype(raw.qoffset_x) shift[3] = {raw.qoffset_x, raw.qoffset_y, raw.qoffset_z};
  for (int i = 0; i < 3; ++i) {
    header.quaternion[i] = static_cast<double>(value(quaternion[i]));
    header.shift[i] = static_cast<double>(value(shift[i]));
  }
  for (int i = 0; i < 4; ++i) {
    header.rows[0][i] = static_cast<double>(value(raw.srow_x[i]));
    header.rows[1][i] = static_cast<double>(value(raw.srow_y[i]));
    header.rows[2][i] = static_cast<double>(value(raw.srow_z[i]));
  }
  return header;
}

class NiftiReader {
 public:
  explicit NiftiReader(ByteSource& source, std::uint64_t stored) : source_(source), stored_(stored) {}

  Volume read(const VolumePart& part) {
    const auto header = read_header();
    const auto layout = layout_of(header, part);
    Volume volume;
    set_affine(volume, affine_of(header), source_.name());
    skip_to(header.offset);
    volume.voxels = read_voxels(source_, layout);
    source_.check_end();
    return volume;
  }

 private:
  [[nodiscard]] DataError fault(const std::string& what, const std::string& got = "", const std::string& expected = "") const {
    return DataError(Fault{source_.name(), what, got, expected, ""});
  }

  NiftiHeader read_header() {
    std::uint8_t bytes[sizeof(nifti_2_header)];
    source_.exactly(bytes, sizeof(nifti_1_header));
    std::int32_t size = 0;
    std::memcpy(&size, bytes, 4);
    const auto is = [size](std::int32_t n) { return size == n || size == swapped(n); };
    if (is(348)) {
      const auto* magic = reinterpret_cast<const char*>(bytes) + offsetof(nifti_1_header, magic);
      if (std::memcmp(magic, "ni1", 4) == 0)
        throw fault("header of a pair of files", ".hdr and .img", "one .nii or .nii.gz file");
      if (std::memcmp(magic, "n+1", 4) != 0) throw fault("not a NIfTI file", "no magic word", "n+1");
      return header_of<nifti_1_header>(bytes, size != 348);
    }
    if (!is(540)) throw fault("not a NIfTI file", "a first word of " + std::to_string(size), "348 or 540");
    source_.exactly(bytes + sizeof(nifti_1_header), sizeof(nifti_2_header) - sizeof(nifti_1_header));
    const auto* magic = reinterpret_cast<const char*>(bytes) + offsetof(nifti_2_header, magic);
    if (std::memcmp(magic, "n+2", 4) != 0) throw fault("not a NIfTI-2 file", "no magic word", "n+2");
    return header_of<nifti_2_header>(bytes, size != 540);
  }

  [[nodiscard]] VoxelLayout layout_of(const NiftiHeader& header, const VolumePart& part) const {
    const auto dimensions = header.dims[0];
    if (dimensions < 1 || dimensions > 7) throw fault("damaged header", std::to_string(dimensions) + " dimensions", "1 to 7");
    const auto count = checked_count(source_.name(), {header.dims + 1, header.dims + 1 + dimensions});
    VoxelLayout layout;
    layout.type = type_of(header.datatype);
    layout.swap = header.swap;
    check_promise(source_.name(), static_cast<std::uint64_t>(count) * number_bytes(layout.type), stored_);
    for (std::int64_t i = 1; i <= dimensions; ++i)
      (i <= 3 ? layout.shape[static_cast<std::size_t>(i - 1)] : layout.channels) *= header.dims[i];
    layout.channel = checked_channel(source_.name(), part.channel, layout.channels);
    if (std::isfinite(header.slope) && header.slope != 0.0) {
      layout.slope = header.slope;
      layout.inter = std::isfinite(header.inter) ? header.inter : 0.0;
    }
    return layout;
  }

  [[nodiscard]] NumberType type_of(int datatype) const {
    switch (datatype) {
      case DT_UINT8:
        return NumberType::u8;
      case DT_INT8:
        return NumberType::i8;
      case DT_INT16:
        return NumberType::i16;
      case DT_UINT16:
        return NumberType::u16;
      case DT_INT32:
        return NumberType::i32;
      case DT_UINT32:
        return NumberType::u32;
      case DT_INT64:
        return NumberType::i64;
      case DT_UINT64:
        return NumberType::u64;
      case DT_FLOAT32:
        return NumberType::f32;
      case DT_FLOAT64:
        return NumberType::f64;
      default:
        throw fault("unsupported voxel type", "NIfTI type " + std::to_string(datatype),
                    "integers or real numbers of 8 to 64 bits");
    }
  }

  void skip_to(double offset) {
    const auto begin = static_cast<double>(source_.position());
    if (!(offset >= begin) || offset > begin + (1 << 28)) {
      throw fault("damaged header", "voxels at byte " + std::to_string(offset),
                  "from " + std::to_string(source_.position()) + " on");
    }
    source_.skip(static_cast<std::uint64_t>(offset) - source_.position());
  }

  static Affine affine_of(const NiftiHeader& header) {
    Affine affine{};
    if (header.sform > 0) {
      for (std::size_t row = 0; row < 3; ++row) std::copy_n(header.rows[row], 4, affine[row].begin());
    } else if (header.qform > 0) {
      affine = from_quaternion(header);
    } else {
      for (std::size_t i = 0; i < 3; ++i) affine[i][i] = spacing_of(header, i);
    }
    return affine;
  }

  static double spacing_of(const NiftiHeader& header, std::size_t axis) {
    const double spacing = std::abs(header.pixdim[axis + 1]);
    return std::isfinite(spacing) && spacing > 0 ? spacing : 1.0;
  }

  // Method 2 of the NIfTI standard: unit quaternion (a, b, c, d) with a from the rest, and qfac = -1 for a mirrored third axis.
  static Affine from_quaternion(const NiftiHeader& header) {
    double b = header.quaternion[0], c = header.quaternion[1], d = header.quaternion[2];
    const double rest = 1.0 - (b * b + c * c + d * d);
    double a = std::sqrt(std::max(rest, 0.0));
    if (rest < 1e-7) {
      const double norm = std::sqrt(b * b + c * c + d * d);
      a = 0.0, b /= norm, c /= norm, d /= norm;
    }
    const double qfac = header.pixdim[0] < 0 ? -1.0 : 1.0;
    const double x = spacing_of(header, 0), y = spacing_of(header, 1), z = spacing_of(header, 2) * qfac;
    return {{{(a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, header.shift[0]},
             {2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, header.shift[1]},
             {2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - c * c - b * b) * z, header.shift[2]}}};
  }

  ByteSource& source_;
  std::uint64_t stored_;
};

}  // namespace

Volume read_nifti(ByteSource& source, std::uint64_t stored, const VolumePart& part) {
  return NiftiReader(source, stored).read(part);
}

}  // namespace sam3lab
