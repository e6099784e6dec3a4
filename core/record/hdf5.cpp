#include "core/record/hdf5.h"

#include <cstdint>

#include <sam3lab/api/error.h>

namespace sam3lab::hdf5 {
namespace {

constexpr std::size_t image_growth = 1U << 20;  // bytes by which an image in memory grows

// HDF5 prints its error stack to stderr unless told otherwise.
void silence() {
  static const herr_t once = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  static_cast<void>(once);
}

herr_t keep_first(unsigned depth, const H5E_error2_t* error, void* text) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

Properties memory_access(const Location& location) {
  silence();
  Properties access(checked(H5Pcreate(H5P_FILE_ACCESS), location, "HDF5 does not start"));
  checked(H5Pset_fapl_core(access, image_growth, 0), location, "HDF5 keeps no file in memory");
  return access;
}

}  // namespace

void refuse(const Location& location, const std::string& what, const std::string& got, const std::string& expected) {
  throw DataError(Fault{location.file, (location.path.empty() ? "" : location.path + ": ") + what, got, expected, ""});
}

void fail(const Location& location, const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, &keep_first, &reason);
  H5Eclear2(H5E_DEFAULT);
  refuse(location, reason.empty() ? what : what + " (HDF5: " + reason + ")");
}

File create_image() {
  const Location location{"result in memory", "/"};
  const Properties access = memory_access(location);
  return File(checked(H5Fcreate("sam3lab-result", H5F_ACC_TRUNC, H5P_DEFAULT, access), location, "cannot be created"));
}

std::string image_of(const File& file, const Location& location) {
  checked(H5Fflush(file, H5F_SCOPE_GLOBAL), location, "cannot be flushed");
  const ssize_t size = checked(H5Fget_file_image(file, nullptr, 0), location, "has no image");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  checked(H5Fget_file_image(file, bytes.data(), bytes.size()), location, "has no image");
  return bytes;
}

File open_image(std::string_view bytes, const std::string& name) {
  const Location location{name, ""};
  if (bytes.empty()) refuse(location, "no readable HDF5 file", "an empty file");
  const Properties access = memory_access(location);
  // HDF5 copies the buffer; its signature merely lacks the const.
  void* buffer = const_cast<char*>(bytes.data());
  checked(H5Pset_file_image(access, buffer, bytes.size()), location, "cannot be held in memory");
  File file(checked(H5Fopen("sam3lab-result", H5F_ACC_RDONLY, access), location, "no readable HDF5 file"));
  // The size of an image is where the file's own header says that it ends.
  const auto end = static_cast<std::size_t>(checked(H5Fget_file_image(file, nullptr, 0), location, "has no end"));
  if (end != bytes.size()) {
    refuse(location, "damaged HDF5 file", std::to_string(bytes.size()) + " bytes", std::to_string(end) + " by its own header");
  }
  return file;
}

Node root_of(const File& file, const std::string& name) {
  const Location location{name, "/"};
  return {Object(checked(H5Oopen(file, "/", H5P_DEFAULT), location, "cannot be opened")), location};
}

Type text_type() {
  silence();
  const Location location{"text type", ""};
  Type type(checked(H5Tcopy(H5T_C_S1), location, "cannot be made"));
  checked(H5Tset_size(type, H5T_VARIABLE), location, "cannot be made");
  checked(H5Tset_cset(type, H5T_CSET_UTF8), location, "cannot be made");
  return type;
}

Type flag_type() {
  silence();
  const Location location{"flag type", ""};
  Type type(checked(H5Tenum_create(H5T_NATIVE_INT8), location, "cannot be made"));
  const std::int8_t no = 0, yes = 1;
  checked(H5Tenum_insert(type, "FALSE", &no), location, "cannot be made");
  checked(H5Tenum_insert(type, "TRUE", &yes), location, "cannot be made");
  return type;
}

}  // namespace sam3lab::hdf5
