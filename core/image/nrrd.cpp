// NRRD (teem.sourceforge.net/nrrd/format.html), with its data in the same file or in another one.
#include <algorithm>
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

using Fields = std::map<std::string, std::string>;

std::optional<NumberType> type_named(const std::string& name) {
  static const std::map<std::string, NumberType> types = {
      {"signed char", NumberType::i8},
      {"int8", NumberType::i8},
      {"int8_t", NumberType::i8},
      {"uchar", NumberType::u8},
      {"unsigned char", NumberType::u8},
      {"uint8", NumberType::u8},
      {"uint8_t", NumberType::u8},
      {"short", NumberType::i16},
      {"short int", NumberType::i16},
      {"signed short", NumberType::i16},
      {"signed short int", NumberType::i16},
      {"int16", NumberType::i16},
      {"int16_t", NumberType::i16},
      {"ushort", NumberType::u16},
      {"unsigned short", NumberType::u16},
      {"unsigned short int", NumberType::u16},
      {"uint16", NumberType::u16},
      {"uint16_t", NumberType::u16},
      {"int", NumberType::i32},
      {"signed int", NumberType::i32},
      {"int32", NumberType::i32},
      {"int32_t", NumberType::i32},
      {"uint", NumberType::u32},
      {"unsigned int", NumberType::u32},
      {"uint32", NumberType::u32},
      {"uint32_t", NumberType::u32},
      {"longlong", NumberType::i64},
      {"long long", NumberType::i64},
      {"long long int", NumberType::i64},
      {"signed long long", NumberType::i64},
      {"signed long long int", NumberType::i64},
      {"int64", NumberType::i64},
      {"int64_t", NumberType::i64},
      {"ulonglong", NumberType::u64},
      {"unsigned long long", NumberType::u64},
      {"unsigned long long int", NumberType::u64},
      {"uint64", NumberType::u64},
      {"uint64_t", NumberType::u64},
      {"float", NumberType::f32},
      {"double", NumberType::f64},
  };
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

class NrrdHeader {
 public:
  NrrdHeader(ByteSource& source, std::filesystem::path path) : path_(std::move(path)), name_(path_.string()) {
    read_fields(source);
    sizes_ = integers_in(field("sizes"), name_, "sizes", dimension());
    read_type();
    read_axes();
  }

  // Slope, channel and the rest of how the numbers lie; the channel as `part` says.
  [[nodiscard]] VoxelLayout layout(const VolumePart& part) const {
    auto layout = layout_;
    layout.channel = checked_channel(name_, part.channel, layout.channels);
    return layout;
  }
  [[nodiscard]] std::int64_t channels() const { return layout_.channels; }
  [[nodiscard]] std::int64_t count() const { return checked_count(name_, sizes_); }

  [[nodiscard]] Affine affine() const {
    Affine affine{};
    for (std::size_t axis = 0; axis < 3; ++axis) affine[axis][axis] = 1;
    for (std::size_t axis = 0; axis < spatial_.size(); ++axis) {
      if (directions_.empty()) {
        const auto spacing = spacings_.empty() ? 1.0 : spacings_[spatial_[axis]];
        affine[axis][axis] = spacing;
        continue;
      }
      for (std::size_t row = 0; row < 3; ++row) affine[row][axis] = (*directions_[spatial_[axis]])[row];
    }
    for (std::size_t row = 0; row < 3; ++row) affine[row][3] = origin_[row];
    return flipped(affine);
  }

  [[nodiscard]] at::Tensor voxels(ByteSource& rest, const VolumePart& part) const {
    const auto layout_now = layout(part);
    std::optional<FileSource> detached;
    const auto data_file = optional({"data file", "datafile"});
    if (!data_file.empty()) {
      if (data_file.starts_with("LIST") || data_file.find('%') != std::string::npos)
        throw fault("data in several files", "'" + data_file + "'", "one data file");
      detached.emplace(beside(path_, data_file));
    }
    ByteSource& data = detached ? *detached : rest;
    std::string line;
    for (auto lines = skip({"line skip", "lineskip"}, 0); lines > 0; --lines) {
      if (!data.line(line)) throw fault("the file ends early", "too few lines before the data", "");
    }
    return decode(data, layout_now, detached ? detached->size() : require_file(path_));
  }

 private:
  [[nodiscard]] DataError fault(const std::string& what, const std::string& got, const std::string& expected) const {
    return DataError(Fault{name_, what, got, expected, ""});
  }

  void read_fields(ByteSource& source) {
    std::string line;
    source.line(line);
    constexpr int most_lines = 20000;
    for (int i = 0; source.line(line, 1 << 20) && !line.empty(); ++i) {
      if (i == most_lines) throw fault("damaged header", "more than " + std::to_string(most_lines) + " lines", "");
      const auto colon = line.find(':');
      if (line.front() == '#' || colon == std::string::npos || line.compare(colon, 2, ":=") == 0) continue;
      fields_[lower(trimmed(line.substr(0, colon)))] = trimmed(line.substr(colon + 1));
    }
  }

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto found = fields_.find(name);
    if (found == fields_.end()) throw fault("damaged header", "no field '" + name + "'", "");
    return found->second;
  }
  [[nodiscard]] std::string optional(std::initializer_list<const char*> names) const {
    for (const auto* name : names) {
      if (const auto found = fields_.find(name); found != fields_.end()) return found->second;
    }
    return "";
  }
  [[nodiscard]] std::int64_t skip(std::initializer_list<const char*> names, std::int64_t least) const {
    const auto text = optional(names);
    const auto value = text.empty() ? 0 : integers_in(text, name_, *names.begin(), 1).front();
    if (value < least || value > (std::int64_t{1} << 30)) throw fault("damaged header", *names.begin() + (": " + text), "");
    return value;
  }
  [[nodiscard]] std::size_t dimension() const {
    const auto n = integers_in(field("dimension"), name_, "dimension", 1).front();
    if (n < 2 || n > 4) throw fault("unsupported number of dimensions", std::to_string(n), "2 to 4");
    return static_cast<std::size_t>(n);
  }

  void read_type() {
    const auto type = type_named(lower(field("type")));
    if (!type) throw fault("unsupported voxel type", "'" + field("type") + "'", "integers or real numbers of 8 to 64 bits");
    layout_.type = *type;
    const auto endian = lower(optional({"endian"}));
    if (endian.empty() || number_bytes(*type) == 1) return;
    if (endian != "little" && endian != "big") throw fault("damaged header", "endian: " + endian, "little or big");
    layout_.swap = (endian == "little") != (std::endian::native == std::endian::little);
  }

  // "(1,0,0)" -> numbers; "none" -> nothing.
  [[nodiscard]] std::optional<std::array<double, 3>> vector_of(std::string text, const std::string& which) const {
    if (lower(text) == "none") return std::nullopt;
    if (text.size() < 2 || text.front() != '(' || text.back() != ')')
      throw fault("damaged header", which + ": '" + text + "'", "(x,y,z)");
    text = text.substr(1, text.size() - 2);
    std::replace(text.begin(), text.end(), ',', ' ');
    const auto numbers = numbers_in(text, name_, which);
    if (numbers.size() > 3) throw fault("unsupported space", std::to_string(numbers.size()) + " dimensions", "2 or 3");
    std::array<double, 3> out{};
    std::copy(numbers.begin(), numbers.end(), out.begin());
    return out;
  }

  // Blanks may stand within a vector: "(1, 0, 0)".
  static std::vector<std::string> vectors_in(const std::string& text) {
    std::string packed;
    int depth = 0;
    for (const char letter : text) {
      depth += letter == '(' ? 1 : letter == ')' ? -1 : 0;
      if (letter != ' ' || depth <= 0) packed += letter;
      if (letter == ')') packed += ' ';
    }
    return words_in(packed);
  }

  void read_axes() {
    const auto directions = optional({"space directions"});
    if (!directions.empty()) {
      for (const auto& word : vectors_in(directions)) directions_.push_back(vector_of(word, "space directions"));
      if (directions_.size() != sizes_.size())
        throw fault("damaged header", std::to_string(directions_.size()) + " space directions", "one an axis");
    } else if (const auto spacings = optional({"spacings"}); !spacings.empty()) {
      spacings_ = numbers_in(spacings, name_, "spacings", sizes_.size());
    }
    if (const auto origin = optional({"space origin"}); !origin.empty()) {
      const auto words = vectors_in(origin);
      const auto place = words.size() == 1 ? vector_of(words.front(), "space origin") : std::nullopt;
      if (!place) throw fault("damaged header", "space origin: " + origin, "(x,y,z)");
      origin_ = *place;
    }
    std::vector<std::size_t> others;
    for (std::size_t axis = 0; axis < sizes_.size(); ++axis) (is_spatial(axis) ? spatial_ : others).push_back(axis);
    if (spatial_.empty() || spatial_.size() > 3 || others.size() > 1 ||
        (others.size() == 1 && others[0] != 0 && others[0] + 1 != sizes_.size())) {
      throw fault("unsupported axes",
                  std::to_string(spatial_.size()) + " of space, " + std::to_string(others.size()) + " others",
                  "two or three of space, and at most one other, first or last");
    }
    for (std::size_t i = 0; i < spatial_.size(); ++i) layout_.shape[i] = sizes_[spatial_[i]];
    if (others.empty()) return;
    layout_.channels = sizes_[others[0]];
    layout_.interleaved = others[0] == 0;
  }

  [[nodiscard]] bool is_spatial(std::size_t axis) const {
    if (!directions_.empty()) return directions_[axis].has_value();
    const auto kinds = words_in(lower(optional({"kinds"})));
    if (kinds.size() == sizes_.size() && kinds[axis] != "???" && kinds[axis] != "none")
      return kinds[axis] == "domain" || kinds[axis] == "space";
    return axis < 3;
  }

  [[nodiscard]] Affine flipped(Affine affine) const {
    const auto space = lower(optional({"space"}));
    const bool left =
        space == "left-posterior-superior" || space == "lps" || space == "left-anterior-superior" || space == "las";
    const bool back = space == "left-posterior-superior" || space == "lps";
    const bool plain = space.empty() || space == "right-anterior-superior" || space == "ras" || space == "scanner-xyz" ||
                       space == "3d-right-handed";
    if (!left && !plain) throw fault("unsupported space", "'" + space + "'", "RAS, LAS or LPS");
    for (std::size_t row = 0; row < 2; ++row) {
      if (row == 0 ? left : back) {
        for (auto& value : affine[row]) value = value == 0 ? 0 : -value;
      }
    }
    return affine;
  }

  [[nodiscard]] at::Tensor decode(ByteSource& data, const VoxelLayout& layout, std::uintmax_t stored) const {
    const auto encoding = lower(field("encoding"));
    const auto bytes = static_cast<std::uint64_t>(count()) * number_bytes(layout.type);
    const bool packed = encoding == "gzip" || encoding == "gz";
    const auto bytes_before = skip({"byte skip", "byteskip"}, encoding == "raw" ? -1 : 0);
    if (encoding == "raw" || packed) {
      check_promise(name_, packed ? bytes : bytes * 1032, stored);
      std::optional<UnpackedSource> unpacked;
      if (packed) unpacked.emplace(data, Packing::gzip_or_zlib);
      ByteSource& numbers = packed ? *unpacked : data;
      // -1: the data are the end of the file.
      numbers.skip(bytes_before >= 0 ? static_cast<std::uint64_t>(bytes_before) : stored - bytes - data.position());
      auto voxels = read_voxels(numbers, layout);
      if (packed) numbers.check_end();
      return voxels;
    }
    if (encoding != "ascii" && encoding != "text" && encoding != "txt")
      throw fault("unsupported encoding", "'" + encoding + "'", "raw, gzip or ascii");
    check_promise(name_, static_cast<std::uint64_t>(count()) * 1032, stored);
    data.skip(static_cast<std::uint64_t>(bytes_before));
    return read_text_voxels(data, layout);
  }

  std::filesystem::path path_;
  std::string name_;
  Fields fields_;
  std::vector<std::int64_t> sizes_;
  std::vector<std::optional<std::array<double, 3>>> directions_;
  std::vector<double> spacings_;
  std::array<double, 3> origin_ = {0, 0, 0};
  std::vector<std::size_t> spatial_;
  VoxelLayout layout_;
};

}  // namespace

bool is_nrrd(std::string_view first_bytes) { return first_bytes.starts_with("NRRD00"); }

Volume read_nrrd(const std::filesystem::path& path, const VolumePart& part) { return volume_by_header<NrrdHeader>(path, part); }
Pixels read_nrrd_pixels(const std::filesystem::path& path) { return pixels_by_header<NrrdHeader>(path); }

}  // namespace sam3lab
