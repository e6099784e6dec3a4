// Arrays in HDF5 files, MATLAB's version 7.3 among them, whose axes stand in reverse order there. HDF5 does not survive every
// damaged file, so a child process reads.
#include <hdf5.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string_view>
#include <type_traits>
#include <utility>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/base/archive.h"
#include "core/image/array_formats.h"
#include "core/tensor/own_process.h"

namespace sam3lab {
namespace {

constexpr int most_depth = 8, hdf5_most_axes = 16;
constexpr std::size_t most_datasets = 10000, hdf5_longest_name = 1024;

template <herr_t (*close)(hid_t)>
class Handle {
 public:
  explicit Handle(hid_t id) : id_(id) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (id_ >= 0) close(id_);
  }
  operator hid_t() const { return id_; }  // NOLINT: what the C API takes

 private:
  hid_t id_;
};

using Object = Handle<&H5Oclose>;
using Space = Handle<&H5Sclose>;
using Hdf5Type = Handle<&H5Tclose>;
using Attribute = Handle<&H5Aclose>;
using Properties = Handle<&H5Pclose>;

struct Found {
  std::string name;
  std::vector<std::int64_t> shape;  // in the order of the file
  NumberType element = NumberType::u8;
  bool reversed = false;  // written by MATLAB
};

class Hdf5Reader {
 public:
  explicit Hdf5Reader(const std::filesystem::path& path)
      : name_(path.string()), access_(H5Pcreate(H5P_FILE_ACCESS)), file_(open(path)) {}

  std::vector<Found> list() {
    std::vector<Found> all;
    walk(file_, "", 0, all);
    return all;
  }

  // The numbers of `rows` along the first axis as the caller sees it, in the order of the file.
  std::string read(const Found& found, ArrayRows rows) {
    const Object data(H5Oopen(file_, found.name.c_str(), H5P_DEFAULT));
    auto shape = found.shape;
    const auto axis = found.reversed ? shape.size() - 1 : 0;
    if (!shape.empty()) shape[axis] = rows.count;
    const auto count = checked_elements(name_, shape, tensor_type(found.element));
    check_promise(name_, static_cast<std::uint64_t>(count), H5Dget_storage_size(data));
    const Hdf5Type memory(H5Tcopy(memory_type(found.element)));
    std::string bytes(static_cast<std::size_t>(count) * H5Tget_size(memory), '\0');
    if (count == 0) return bytes;
    const Space all(H5Dget_space(data));
    std::vector<hsize_t> start(std::max<std::size_t>(shape.size(), 1), 0), size(shape.begin(), shape.end());
    hid_t here = H5S_ALL, there = H5S_ALL;
    const Space part(shape.empty() ? H5I_INVALID_HID : H5Screate_simple(static_cast<int>(shape.size()), size.data(), nullptr));
    if (!shape.empty()) {
      start[axis] = static_cast<hsize_t>(rows.first);
      H5Sselect_hyperslab(all, H5S_SELECT_SET, start.data(), nullptr, size.data(), nullptr);
      here = part, there = all;
    }
    if (H5Dread(data, memory, here, there, H5P_DEFAULT, bytes.data()) < 0)
      throw DataError(Fault{name_, "damaged HDF5 data", "'" + found.name + "'", "", "fetch or save it again"});
    return bytes;
  }

 private:
  hid_t open(const std::filesystem::path& path) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    H5PLset_loading_state(0);  // filters are code
    H5Pset_file_locking(access_, false, true);
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_);
    if (file < 0) throw DataError(Fault{name_, "not a readable HDF5 file", "", "", "fetch or save it again"});
    return file;
  }

  static hid_t memory_type(NumberType element) {
    switch (element) {
      case NumberType::boolean:
      case NumberType::u8:
        return H5T_NATIVE_UINT8;
      case NumberType::i8:
        return H5T_NATIVE_INT8;
      case NumberType::i16:
        return H5T_NATIVE_INT16;
      case NumberType::u16:
      case NumberType::i32:
        return H5T_NATIVE_INT32;
      case NumberType::u64:
        return H5T_NATIVE_UINT64;
      case NumberType::f16:
      case NumberType::f32:
        return H5T_NATIVE_FLOAT;
      case NumberType::f64:
        return H5T_NATIVE_DOUBLE;
      default:
        return H5T_NATIVE_INT64;
    }
  }

  void walk(hid_t group, const std::string& prefix, int depth, std::vector<Found>& all) {
    H5G_info_t info{};
    if (depth > most_depth || H5Gget_info(group, &info) < 0) return;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
      if (++visited_ > most_datasets) throw DataError(Fault{name_, "too many objects", "", std::to_string(most_datasets), ""});
      std::array<char, hdf5_longest_name> name{};
      if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT) <= 0) continue;
      const std::string word(name.data());
      H5L_info_t link{};
      // Links to elsewhere are not followed; '#' begins what MATLAB keeps for itself.
      if (word.starts_with('#') || H5Lget_info(group, word.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
        continue;
      const Object object(H5Oopen(group, word.c_str(), H5P_DEFAULT));
      if (object < 0) continue;
      const auto full = prefix + word;
      if (H5Iget_type(object) == H5I_GROUP) walk(object, full + "/", depth + 1, all);
      if (H5Iget_type(object) == H5I_DATASET) describe(object, full, all);
    }
  }

  static std::string text_attribute(hid_t object, const char* name) {
    if (H5Aexists(object, name) <= 0) return "";
    const Attribute attribute(H5Aopen(object, name, H5P_DEFAULT));
    const Hdf5Type type(H5Aget_type(attribute));
    std::array<char, 64> text{};
    if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || H5Tget_size(type) >= text.size()) return "";
    const Space space(H5Aget_space(attribute));
    if (H5Sget_simple_extent_npoints(space) != 1 || H5Aread(attribute, type, text.data()) < 0) return "";
    return text.data();
  }

  static std::optional<NumberType> element_of(hid_t type) {
    const auto size = H5Tget_size(type);
    const auto kind = H5Tget_class(type);
    if (kind == H5T_ENUM && size == 1 && H5Tget_member_index(type, "TRUE") >= 0) return NumberType::boolean;
    if (kind == H5T_FLOAT)
      return size == 2   ? std::optional(NumberType::f16)
             : size == 4 ? std::optional(NumberType::f32)
             : size == 8 ? std::optional(NumberType::f64)
                         : std::nullopt;
    if (kind != H5T_INTEGER) return std::nullopt;
    const bool negative = H5Tget_sign(type) == H5T_SGN_2;
    switch (size) {
      case 1:
        return negative ? NumberType::i8 : NumberType::u8;
      case 2:
        return negative ? NumberType::i16 : NumberType::u16;
      case 4:
        return negative ? NumberType::i32 : NumberType::u32;
      case 8:
        return negative ? NumberType::i64 : NumberType::u64;
      default:
        return std::nullopt;
    }
  }

  static bool plain_storage(hid_t data) {
    const Properties creation(H5Dget_create_plist(data));
    const auto layout = H5Pget_layout(creation);
    if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED) return false;
    if (H5Pget_external_count(creation) != 0) return false;
    for (int i = 0; i < H5Pget_nfilters(creation); ++i) {
      unsigned flags = 0, config = 0;
      std::size_t values = 0;
      const auto filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config);
      if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32) return false;
    }
    return true;
  }

  static void describe(hid_t data, const std::string& name, std::vector<Found>& all) {
    const Hdf5Type type(H5Dget_type(data));
    const Space space(H5Dget_space(data));
    const int axes = H5Sget_simple_extent_ndims(space);
    auto element = element_of(type);
    const auto matlab = text_attribute(data, "MATLAB_class");
    if (!element || axes < 0 || axes > hdf5_most_axes || H5Sget_simple_extent_type(space) == H5S_NULL || !plain_storage(data))
      return;
    // What MATLAB keeps as numbers but are none: texts, and the sizes of empty arrays.
    if (matlab == "char" || H5Aexists(data, "MATLAB_empty") > 0) return;
    if (matlab == "logical") element = NumberType::boolean;
    std::array<hsize_t, hdf5_most_axes> sizes{};
    H5Sget_simple_extent_dims(space, sizes.data(), nullptr);
    Found found{name, {}, *element, !matlab.empty() && axes > 0};
    for (int i = 0; i < axes; ++i) {
      const auto n = sizes[static_cast<std::size_t>(i)];
      if (n > static_cast<hsize_t>(std::numeric_limits<std::int64_t>::max())) return;
      found.shape.push_back(static_cast<std::int64_t>(n));
    }
    all.push_back(std::move(found));
  }

  std::string name_;
  Properties access_;
  Handle<&H5Fclose> file_;
  std::size_t visited_ = 0;
};

// How it goes through the pipe.
template <class A>
void members(A& a, Found& found) {
  a(found.name, found.element, found.reversed, found.shape);
}

constexpr const char* answer_name = "the answer of HDF5's reader";

Found take_found(Unpack& unpack) {
  Found found;
  unpack(found);
  using Code = std::underlying_type_t<NumberType>;
  found.element =
      static_cast<NumberType>(std::clamp<Code>(static_cast<Code>(found.element), 0, static_cast<Code>(NumberType::f64)));
  if (found.shape.size() > hdf5_most_axes) found.shape.resize(hdf5_most_axes);
  return found;
}

std::string in_child(const std::filesystem::path& path, const std::function<std::string()>& work) {
  OwnProcess process{path.string(), "HDF5", "a readable HDF5 file", "fetch or save it again"};
  process.seconds += require_file(path) >> 24;
  process.memory = std::uint64_t{10} << 30;
  return in_own_process(process, work);
}

}  // namespace

bool is_hdf5(const std::filesystem::path& path) {
  constexpr std::string_view mark("\x89HDF\r\n\x1a\n", 8);
  constexpr std::size_t user_block = 512;  // MATLAB's own text stands before the file proper
  const auto begin = first_bytes(path, user_block + mark.size());
  return begin.starts_with(mark) || (begin.size() > user_block && begin.substr(user_block) == mark);
}

std::vector<ArrayInfo> list_hdf5(const std::filesystem::path& path) {
  const std::string answer = in_child(path, [&] {
    Pack out;
    for (auto& found : Hdf5Reader(path).list()) out(found);
    return std::move(out).bytes();
  });
  Unpack unpack(answer, answer_name);
  std::vector<ArrayInfo> all;
  while (!unpack.done()) {
    auto found = take_found(unpack);
    if (found.reversed) std::reverse(found.shape.begin(), found.shape.end());
    all.push_back({found.name, found.shape, tensor_type(found.element)});
  }
  return all;
}

at::Tensor read_hdf5(const std::filesystem::path& path, const std::string& variable, ArrayRows rows) {
  const auto name = path.string();
  const std::string answer = in_child(path, [&] {
    Hdf5Reader reader(path);
    for (auto& found : reader.list()) {
      if (found.name != variable) continue;
      auto shape = found.shape;
      if (found.reversed) std::reverse(shape.begin(), shape.end());
      auto checked = checked_rows(name, rows, shape);
      auto elements = reader.read(found, checked);
      Pack out;
      out(found, checked.count, elements);
      return std::move(out).bytes();
    }
    throw DataError(Fault{name, "no such array", variable, "", ""});
  });
  Unpack unpack(answer, answer_name);
  const auto found = take_found(unpack);
  std::int64_t count = 0;
  std::string_view bytes;
  unpack(count, bytes);
  auto shape = found.shape;
  if (found.reversed) std::reverse(shape.begin(), shape.end());
  if (!shape.empty()) shape.front() = count;
  // HDF5 has turned 16 bits into 32, halves into floats, and the bytes around.
  auto element = found.element;
  if (element == NumberType::u16) element = NumberType::i32;
  if (element == NumberType::u32) element = NumberType::i64;
  if (element == NumberType::f16) element = NumberType::f32;
  MemorySource source(bytes, name);
  const auto flat = read_elements(source, element, false, checked_elements(name, shape, tensor_type(found.element)));
  return found.reversed ? from_columns(flat, shape) : flat.view(shape);
}

}  // namespace sam3lab
