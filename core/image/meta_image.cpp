// MetaImage (itk.org/Wiki/MetaIO/Documentation): a text header, then the data in the same file or in another one.
#include <array>
#include <bit>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/header_text.h"
#include "core/image/read_by_header.h"
#include "core/image/volume_formats.h"
#include "core/image/voxels.h"

namespace sam3lab {
namespace {

class MetaHeader {
 public:
  MetaHeader(ByteSource& source, std::filesystem::path path) : path_(std::move(path)), name_(path_.string()) {
    read_fields(source);
    const auto dimensions = integers_in(field("NDims"), name_, "NDims", 1).front();
    if (dimensions < 2 || dimensions > 4) throw fault("unsupported number of dimensions", std::to_string(dimensions), "2 to 4");
    sizes_ = integers_in(field("DimSize"), name_, "DimSize", static_cast<std::size_t>(dimensions));
    for (std::size_t i = 0; i < std::min<std::size_t>(3, sizes_.size()); ++i) layout_.shape[i] = sizes_[i];
    read_type();
    read_channels();
  }

  [[nodiscard]] VoxelLayout layout(const VolumePart& part) const {
    auto layout = layout_;
    layout.channel = checked_channel(name_, part.channel, layout.channels);
    return layout;
  }
  [[nodiscard]] std::int64_t channels() const { return layout_.channels; }

  // Row i of the matrix is the direction of axis i; the world is ITK's, left and back.
  [[nodiscard]] Affine affine() const {
    const auto n = sizes_.size(), used = std::min<std::size_t>(3, n);
    std::vector<double> matrix(n * n, 0.0), offset(n, 0.0), spacing(n, 1.0);
    for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = 1;
    if (const auto text = optional({"TransformMatrix", "Rotation", "Orientation"}); !text.empty())
      matrix = numbers_in(text, name_, "TransformMatrix", n * n);
    if (const auto text = optional({"Offset", "Position", "Origin"}); !text.empty())
      offset = numbers_in(text, name_, "Offset", n);
    if (const auto text = optional({"ElementSpacing", "ElementSize"}); !text.empty())
      spacing = numbers_in(text, name_, "ElementSpacing", n);
    Affine affine{};
    affine[2][2] = 1;
    for (std::size_t axis = 0; axis < used; ++axis) {
      for (std::size_t row = 0; row < used; ++row) affine[row][axis] = matrix[axis * n + row] * spacing[axis];
    }
    for (std::size_t row = 0; row < used; ++row) affine[row][3] = offset[row];
    return from_lps(affine);
  }

  [[nodiscard]] at::Tensor voxels(ByteSource& rest, const VolumePart& part) const {
    const auto layout_now = layout(part);
    const auto data_file = field("ElementDataFile");
    std::optional<FileSource> detached;
    if (lower(data_file) != "local") {
      if (data_file.starts_with("LIST") || data_file.find('%') != std::string::npos)
        throw fault("data in several files", "'" + data_file + "'", "one data file");
      detached.emplace(beside(path_, data_file));
    }
    ByteSource& data = detached ? *detached : rest;
    const auto stored = detached ? detached->size() : require_file(path_);
    const bool packed = is_true("CompressedData");
    const auto bytes = static_cast<std::uint64_t>(count()) * number_bytes(layout_.type);
    check_promise(name_, packed ? bytes : bytes * 1032, stored);
    skip_header(data, stored, bytes);
    if (!packed) return read_voxels(data, layout_now);
    UnpackedSource unpacked(data, Packing::gzip_or_zlib);
    auto out = read_voxels(unpacked, layout_now);
    unpacked.check_end();
    return out;
  }

  [[nodiscard]] std::int64_t count() const {
    auto sizes = sizes_;
    if (layout_.interleaved) sizes.push_back(layout_.channels);
    return checked_count(name_, sizes);
  }

 private:
  [[nodiscard]] DataError fault(const std::string& what, const std::string& got, const std::string& expected) const {
    return DataError(Fault{name_, what, got, expected, ""});
  }

  void read_fields(ByteSource& source) {
    std::string line;
    constexpr int most_lines = 1000;
    for (int i = 0; source.line(line); ++i) {
      const auto equals = line.find('=');
      if (i == most_lines) throw fault("damaged header", "more than " + std::to_string(most_lines) + " lines", "");
      if (equals == std::string::npos) continue;
      const auto key = trimmed(line.substr(0, equals));
      fields_[key] = trimmed(line.substr(equals + 1));
      if (key == "ElementDataFile") return;
    }
    throw fault("damaged header", "no ElementDataFile", "");
  }

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields_.find(name);
    if (found == fields_.end()) throw fault("damaged header", "no field " + name, "");
    return found->second;
  }
  [[nodiscard]] std::string optional(std::initializer_list<const char*> names) const {
    for (const auto* name : names) {
      if (const auto found = fields_.find(name); found != fields_.end()) return found->second;
    }
    return "";
  }
  [[nodiscard]] bool is_true(const char* name) const { return lower(optional({name})) == "true"; }

  void read_type() {
    static const std::map<std::string, NumberType> types = {
        {"MET_CHAR", NumberType::i8},       {"MET_UCHAR", NumberType::u8},       {"MET_SHORT", NumberType::i16},
        {"MET_USHORT", NumberType::u16},    {"MET_INT", NumberType::i32},        {"MET_UINT", NumberType::u32},
        {"MET_LONG_LONG", NumberType::i64}, {"MET_ULONG_LONG", NumberType::u64}, {"MET_FLOAT", NumberType::f32},
        {"MET_DOUBLE", NumberType::f64},
    };
    auto name = field("ElementType");
    if (name.ends_with("_ARRAY")) name.resize(name.size() - 6);
    const auto found = types.find(name);
    if (found == types.end())
      throw fault("unsupported voxel type", "'" + name + "'", "integers or real numbers of 8 to 64 bits");
    layout_.type = found->second;
    const auto binary = lower(optional({"BinaryData"}));
    if (!binary.empty() && binary != "true") throw fault("data as text", "BinaryData = " + binary, "binary data");
    const bool big = is_true("BinaryDataByteOrderMSB") || is_true("ElementByteOrderMSB");
    layout_.swap = number_bytes(layout_.type) > 1 && big != (std::endian::native == std::endian::big);
  }

  void read_channels() {
    const auto text = optional({"ElementNumberOfChannels"});
    const auto components = text.empty() ? 1 : integers_in(text, name_, "ElementNumberOfChannels", 1).front();
    const auto fourth = sizes_.size() == 4 ? sizes_[3] : 1;
    if (components < 1 || fourth < 1 || (components > 1 && fourth > 1))
      throw fault("unsupported channels", std::to_string(components) + " of " + std::to_string(fourth), "one kind of channels");
    layout_.channels = std::max(components, fourth);
    layout_.interleaved = components > 1;
  }

  // -1: the data are the end of the file.
  void skip_header(ByteSource& data, std::uint64_t stored, std::uint64_t bytes) const {
    const auto text = optional({"HeaderSize"});
    const auto skip = text.empty() ? 0 : integers_in(text, name_, "HeaderSize", 1).front();
    if (skip < -1 || (skip == -1 && is_true("CompressedData"))) throw fault("damaged header", "HeaderSize = " + text, "");
    if (skip == -1 && stored >= bytes + data.position()) return data.skip(stored - bytes - data.position());
    if (skip > 0) data.skip(std::min<std::uint64_t>(static_cast<std::uint64_t>(skip), stored + 1));
  }

  std::filesystem::path path_;
  std::string name_;
  std::map<std::string, std::string> fields_;
  std::vector<std::int64_t> sizes_;
  VoxelLayout layout_;
};

}  // namespace

bool is_meta_image(std::string_view first_bytes) {
  return first_bytes.starts_with("ObjectType =") || first_bytes.starts_with("NDims =");
}

Volume read_meta_image(const std::filesystem::path& path, const VolumePart& part) {
  return volume_by_header<MetaHeader>(path, part);
}
Pixels read_meta_pixels(const std::filesystem::path& path) { return pixels_by_header<MetaHeader>(path); }

}  // namespace sam3lab
