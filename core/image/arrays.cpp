#include <sam3lab/api/arrays.h>

#include <algorithm>

#include <torch/types.h>

#include <sam3lab/api/error.h>
#include "core/image/array_formats.h"
#include "core/tensor/mapped_file.h"
#include "core/tensor/zip.h"

namespace sam3lab {
namespace {

constexpr std::string_view member_ending = ".npy";

enum class Kind { npy, npz, mat5, hdf5 };

Kind kind_of(const std::filesystem::path& path) {
  const auto begin = first_bytes(path, 128);
  if (is_npy(begin)) return Kind::npy;
  if (begin.starts_with("PK\x03\x04") || begin.starts_with("PK\x05\x06")) return Kind::npz;
  if (is_mat5(begin)) return Kind::mat5;
  if (is_hdf5(path)) return Kind::hdf5;
  throw DataError(Fault{path.string(), begin.empty() ? "empty file" : "unknown array format", "",
                        ".npy, .npz, a MAT-file of version 5 to 7.3, or HDF5", ""});
}

std::string_view text_view(const MappedFile& file) { return file.view(0, file.size()); }

// Calls `use` with the unpacked bytes of a member of an archive.
template <class Use>
auto with_member(const MappedFile& file, const zip::Entry& entry, const Use& use) {
  MemorySource packed(file.view(entry.begin, entry.packed), file.path());
  if (!entry.deflated) return use(packed, entry.packed);
  UnpackedSource unpacked(packed, Packing::deflate);
  return use(unpacked, entry.packed);
}

std::vector<ArrayInfo> list_npz(const std::string& path) {
  const auto file = MappedFile::open(path);
  std::vector<ArrayInfo> all;
  for (const auto& [name, entry] : zip::read_directory(text_view(*file), path, zip::Packed::allowed)) {
    if (!name.ends_with(member_ending)) continue;
    auto info = with_member(*file, entry, [](ByteSource& source, std::uint64_t) { return describe_npy(source); });
    if (!info) continue;
    info->name = name.substr(0, name.size() - member_ending.size());
    all.push_back(std::move(*info));
  }
  return all;
}

at::Tensor read_npz(const std::string& path, const std::string& variable, ArrayRows rows) {
  const auto file = MappedFile::open(path);
  const auto entries = zip::read_directory(text_view(*file), path, zip::Packed::allowed);
  const auto found = entries.find(variable + std::string(member_ending));
  if (found == entries.end()) throw DataError(Fault{path, "no such array", variable, "", ""});
  return with_member(*file, found->second,
                     [rows](ByteSource& source, std::uint64_t stored) { return read_npy(source, stored, rows); });
}

at::Tensor narrowed(const at::Tensor& whole, ArrayRows rows, const std::string& name) {
  if (rows.first == 0 && rows.count == -1) return whole;
  rows = checked_rows(name, rows, whole.sizes().vec());
  return whole.narrow(0, rows.first, rows.count).contiguous();
}

// The name that is meant: an empty one is that of the only array.
std::string chosen(const std::filesystem::path& path, const std::string& variable) {
  const auto all = list_arrays(path);
  const auto there = std::any_of(all.begin(), all.end(), [&](const auto& info) { return info.name == variable; });
  if (there) return variable;
  if (variable.empty() && all.size() == 1) return all.front().name;
  std::string names;
  for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 20); ++i) names += (i > 0 ? ", " : "") + all[i].name;
  throw DataError(Fault{path.string(), variable.empty() ? "several arrays, or none" : "no such array",
                        variable.empty() ? std::to_string(all.size()) : "'" + variable + "'",
                        names.empty() ? "a file with an array of numbers" : names, "name the variable"});
}

}  // namespace

std::vector<ArrayInfo> list_arrays(const std::filesystem::path& path) {
  std::vector<ArrayInfo> all;
  switch (kind_of(path)) {
    case Kind::npy: {
      FileSource file(path);
      if (const auto info = describe_npy(file)) all.push_back(*info);
      break;
    }
    case Kind::npz:
      all = list_npz(path.string());
      break;
    case Kind::mat5:
      all = list_mat5(text_view(*MappedFile::open(path.string())), path.string());
      break;
    case Kind::hdf5:
      all = list_hdf5(path);
      break;
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto twice = std::adjacent_find(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != all.end())
    throw DataError(Fault{path.string(), "two arrays of one name", "'" + twice->name + "'", "", "save it again"});
  return all;
}

at::Tensor read_array(const std::filesystem::path& path, const std::string& variable, ArrayRows rows) {
  const auto name = path.string();
  switch (kind_of(path)) {
    case Kind::npy: {
      if (!variable.empty()) throw DataError(Fault{name, "no such array", variable, "no name: an .npy file has one array", ""});
      const auto file = MappedFile::open(name);
      MemorySource source(text_view(*file), name);
      return read_npy(source, file->size(), rows);
    }
    case Kind::npz:
      return read_npz(name, chosen(path, variable), rows);
    case Kind::mat5: {
      const auto file = MappedFile::open(name);
      return narrowed(read_mat5(text_view(*file), name, chosen(path, variable)), rows, name);
    }
    default:
      return read_hdf5(path, chosen(path, variable), rows);
  }
}

}  // namespace sam3lab
