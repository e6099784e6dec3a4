#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string>

#include <nifti1.h>
#include <nifti2.h>
#include <torch/torch.h>
#include <zlib.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include "core/image/file.h"

// nifticlib's headers give the layout; the reading is ours, because the library takes memory on the header's word and prints.
namespace sam3lab {
namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose_r(file); }
};
using Gzip = std::unique_ptr<gzFile_s, CloseGzip>;

template <class T>
T swapped(T value) {
  std::array<std::uint8_t, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(T));
  std::reverse(bytes.begin(), bytes.end());
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

// The fields that matter, of either version.
struct Header {
  bool swap = false;
  std::int64_t dims[8] = {};
  int datatype = 0, qform = 0, sform = 0;
  double pixdim[8] = {}, offset = 0, slope = 0, inter = 0, quaternion[3] = {}, shift[3] = {}, rows[3][4] = {};
};

template <class Raw>
Header take(const std::uint8_t* bytes, bool swap) {
  Raw raw;
  std::memcpy(&raw, bytes, sizeof raw);
  const auto value = [swap](auto field) { return swap ? swapped(field) : field; };
  Header header;
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

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : name_(path.string()), file_size_(require_file(path)), file_(gzopen(path.c_str(), "rb")) {
    if (!file_) throw fault("cannot be opened");
    gzbuffer(file_.get(), 1 << 17);
  }

  Volume read() {
    const auto header = read_header();
    const auto shape = checked_shape(header);
    Volume volume;
    set_affine(header, volume);
    skip_to(header.offset);
    const auto voxels = read_voxels(header, shape[0] * shape[1] * shape[2]);
    volume.voxels = voxels.view({shape[2], shape[1], shape[0]}).permute({2, 1, 0});
    check_end();
    return volume;
  }

 private:
  [[nodiscard]] DataError fault(const std::string& what, const std::string& got = "", const std::string& expected = "") const {
    return DataError(Fault{name_, what, got, expected, ""});
  }

  void take_bytes(void* out, std::size_t count) {
    auto* to = static_cast<std::uint8_t*>(out);
    for (std::size_t done = 0; done < count;) {
      const auto part = static_cast<unsigned>(std::min<std::size_t>(count - done, 1U << 24));
      const int got = gzread(file_.get(), to + done, part);
      if (got <= 0) {
        throw fault(got < 0 ? "damaged gzip data" : "the file ends early", std::to_string(read_ + done) + " bytes",
                    "at least " + std::to_string(read_ + count));
      }
      done += static_cast<std::size_t>(got);
    }
    read_ += count;
  }

  Header read_header() {
    std::uint8_t bytes[sizeof(nifti_2_header)];
    take_bytes(bytes, sizeof(nifti_1_header));
    std::int32_t size = 0;
    std::memcpy(&size, bytes, 4);
    const auto is = [size](std::int32_t n) { return size == n || size == swapped(n); };
    if (is(348)) {
      const auto* magic = reinterpret_cast<const char*>(bytes) + offsetof(nifti_1_header, magic);
      if (std::memcmp(magic, "ni1", 4) == 0)
        throw fault("header of a pair of files", ".hdr and .img", "one .nii or .nii.gz file");
      if (std::memcmp(magic, "n+1", 4) != 0) throw fault("not a NIfTI file", "no magic word", "n+1");
      return take<nifti_1_header>(bytes, size != 348);
    }
    if (!is(540)) throw fault("not a NIfTI file", "a first word of " + std::to_string(size), "348 or 540");
    take_bytes(bytes + sizeof(nifti_1_header), sizeof(nifti_2_header) - sizeof(nifti_1_header));
    const auto* magic = reinterpret_cast<const char*>(bytes) + offsetof(nifti_2_header, magic);
    if (std::memcmp(magic, "n+2", 4) != 0) throw fault("not a NIfTI-2 file", "no magic word", "n+2");
    return take<nifti_2_header>(bytes, size != 540);
  }

  [[nodiscard]] std::array<std::int64_t, 3> checked_shape(const Header& header) const {
    const auto dimensions = header.dims[0];
    if (dimensions < 1 || dimensions > 7) throw fault("damaged header", std::to_string(dimensions) + " dimensions", "1 to 7");
    std::array<std::int64_t, 3> shape = {1, 1, 1};
    std::int64_t voxels = 1;
    for (std::int64_t i = 1; i <= dimensions; ++i) {
      const auto n = header.dims[i];
      if (n < 1) throw fault("damaged header", "a size of " + std::to_string(n), "at least 1");
      if (i > 3 && n != 1)
        throw fault("more than three dimensions", std::to_string(n) + " along axis " + std::to_string(i), "one volume");
      if (n > max_voxels / voxels)
        throw fault("volume too large", "more than 2^31 voxels", "at most " + std::to_string(max_voxels));
      voxels *= n;
      if (i <= 3) shape[static_cast<std::size_t>(i - 1)] = n;
    }
    const auto bytes = static_cast<std::uintmax_t>(voxels) * voxel_bytes(header.datatype);
    // gzip shrinks 1032 times at best: a header that promises more than the file can hold is refused before memory is taken.
    if (bytes / 1032 > file_size_) {
      throw fault("the file is too short for its header", std::to_string(file_size_) + " bytes",
                  std::to_string(voxels) + " voxels");
    }
    return shape;
  }

  [[nodiscard]] std::uintmax_t voxel_bytes(int datatype) const {
    switch (datatype) {
      case DT_UINT8:
      case DT_INT8:
        return 1;
      case DT_INT16:
      case DT_UINT16:
        return 2;
      case DT_INT32:
      case DT_UINT32:
      case DT_FLOAT32:
        return 4;
      case DT_INT64:
      case DT_UINT64:
      case DT_FLOAT64:
        return 8;
      default:
        throw fault("unsupported voxel type", "NIfTI type " + std::to_string(datatype),
                    "integers or real numbers of 8 to 64 bits");
    }
  }

  void skip_to(double offset) {
    const auto begin = static_cast<double>(read_);
    if (!(offset >= begin) || offset > begin + (1 << 28)) {
      throw fault("damaged header", "voxels at byte " + std::to_string(offset), "from " + std::to_string(read_) + " on");
    }
    std::uint8_t scratch[4096];
    for (auto left = static_cast<std::size_t>(offset) - read_; left > 0;) {
      const auto part = std::min(left, sizeof scratch);
      take_bytes(scratch, part);
      left -= part;
    }
  }

  template <class T>
  void convert(const Header& header, float* out, std::int64_t count) {
    const bool scale = std::isfinite(header.slope) && header.slope != 0.0;
    const double slope = scale ? header.slope : 1.0, inter = scale && std::isfinite(header.inter) ? header.inter : 0.0;
    std::vector<T> part(static_cast<std::size_t>(std::min<std::int64_t>(count, 1 << 16)));
    for (std::int64_t done = 0; done < count;) {
      const auto n = std::min<std::int64_t>(count - done, 1 << 16);
      take_bytes(part.data(), static_cast<std::size_t>(n) * sizeof(T));
      for (std::int64_t i = 0; i < n; ++i) {
        const T raw = header.swap ? swapped(part[static_cast<std::size_t>(i)]) : part[static_cast<std::size_t>(i)];
        out[done + i] = static_cast<float>(static_cast<double>(raw) * slope + inter);
      }
      done += n;
    }
  }

  at::Tensor read_voxels(const Header& header, std::int64_t count) {
    auto voxels = torch::empty({count}, torch::kFloat32);
    auto* out = voxels.data_ptr<float>();
    switch (header.datatype) {
      case DT_UINT8:
        convert<std::uint8_t>(header, out, count);
        break;
      case DT_INT8:
        convert<std::int8_t>(header, out, count);
        break;
      case DT_INT16:
        convert<std::int16_t>(header, out, count);
        break;
      case DT_UINT16:
        convert<std::uint16_t>(header, out, count);
        break;
      case DT_INT32:
        convert<std::int32_t>(header, out, count);
        break;
      case DT_UINT32:
        convert<std::uint32_t>(header, out, count);
        break;
      case DT_INT64:
        convert<std::int64_t>(header, out, count);
        break;
      case DT_UINT64:
        convert<std::uint64_t>(header, out, count);
        break;
      case DT_FLOAT32:
        convert<float>(header, out, count);
        break;
      default:
        convert<double>(header, out, count);
        break;
    }
    return voxels;
  }

  // Reading on to the end of the gzip stream makes zlib compare its checksum.
  void check_end() {
    std::uint8_t scratch[4096];
    for (int i = 0; i < 256; ++i) {
      const int got = gzread(file_.get(), scratch, sizeof scratch);
      if (got < 0) throw fault("damaged gzip data", "a wrong checksum or length");
      if (got == 0) break;
    }
    int code = Z_OK;
    const char* text = gzerror(file_.get(), &code);
    if (code != Z_OK && code != Z_STREAM_END) throw fault(std::string("damaged gzip data: ") + text);
  }

  void set_affine(const Header& header, Volume& volume) const {
    auto& affine = volume.affine;
    if (header.sform > 0) {
      for (std::size_t row = 0; row < 3; ++row) std::copy_n(header.rows[row], 4, affine[row].begin());
    } else if (header.qform > 0) {
      affine = from_quaternion(header);
    } else {
      for (std::size_t i = 0; i < 3; ++i) affine[i][i] = spacing_of(header, i);
    }
    for (std::size_t axis = 0; axis < 3; ++axis) {
      double square = 0;
      for (std::size_t row = 0; row < 3; ++row) square += affine[row][axis] * affine[row][axis];
      volume.spacing_mm[axis] = std::sqrt(square);
    }
    const auto& a = affine;
    const double determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                               a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                               a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
    if (!std::isfinite(determinant) || std::abs(determinant) < 1e-12) {
      throw fault("damaged header", "an orientation that cannot be inverted", "three independent axes");
    }
  }

  static double spacing_of(const Header& header, std::size_t axis) {
    const double spacing = std::abs(header.pixdim[axis + 1]);
    return std::isfinite(spacing) && spacing > 0 ? spacing : 1.0;
  }

  // Method 2 of the NIfTI standard: unit quaternion (a, b, c, d) with a from the rest, and qfac = -1 for a mirrored third axis.
  static std::array<std::array<double, 4>, 3> from_quaternion(const Header& header) {
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

  std::string name_;
  std::uintmax_t file_size_;
  Gzip file_;
  std::size_t read_ = 0;
};

}  // namespace

Volume read_volume(const std::filesystem::path& path) { return Reader(path).read(); }

Volume to_ras(const Volume& volume) {
  const auto cosine = [&volume](std::size_t world, std::size_t axis) {
    return volume.affine[world][axis] / volume.spacing_mm[axis];
  };
  std::array<std::size_t, 3> order = {0, 1, 2}, best = order;
  double best_fit = -1.0;
  do {
    double fit = 0;
    for (std::size_t world = 0; world < 3; ++world) fit += std::abs(cosine(world, order[world]));
    if (fit > best_fit + 1e-9) best_fit = fit, best = order;
  } while (std::next_permutation(order.begin(), order.end()));

  Volume out;
  auto voxels = volume.voxels.permute(
      {static_cast<std::int64_t>(best[0]), static_cast<std::int64_t>(best[1]), static_cast<std::int64_t>(best[2])});
  for (std::size_t row = 0; row < 3; ++row) out.affine[row][3] = volume.affine[row][3];
  std::vector<std::int64_t> reversed;
  for (std::size_t world = 0; world < 3; ++world) {
    const auto axis = best[world];
    out.spacing_mm[world] = volume.spacing_mm[axis];
    const bool flip = cosine(world, axis) < 0;
    if (flip) reversed.push_back(static_cast<std::int64_t>(world));
    const auto last = static_cast<double>(volume.voxels.size(static_cast<std::int64_t>(axis)) - 1);
    for (std::size_t row = 0; row < 3; ++row) {
      out.affine[row][world] = flip ? -volume.affine[row][axis] : volume.affine[row][axis];
      if (flip) out.affine[row][3] += volume.affine[row][axis] * last;
    }
  }
  out.voxels = (reversed.empty() ? voxels : voxels.flip(reversed)).contiguous();
  return out;
}

}  // namespace sam3lab
