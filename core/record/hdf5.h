// RAII over HDF5's C API. HDF5 prints nothing: a failure becomes a DataError with the file, the object in it and HDF5's
// innermost complaint. Files are built and read as images in memory, so that the disk is touched by code of ours alone:
// HDF5 1.10 cannot close a file on a full disk, and keeps trying until the process ends.
#pragma once
#include <hdf5.h>

#include <string>
#include <string_view>
#include <utility>

namespace sam3lab::hdf5 {

template <herr_t (*close)(hid_t)>
class Handle {
 public:
  explicit Handle(hid_t id = H5I_INVALID_HID) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept { return std::swap(id_, other.id_), *this; }
  ~Handle() {
    if (id_ >= 0) close(id_);
  }
  operator hid_t() const { return id_; }  // NOLINT: what the C API takes

 private:
  hid_t id_;
};
using File = Handle<&H5Fclose>;
using Object = Handle<&H5Oclose>;  // group or dataset
using Dataset = Handle<&H5Dclose>;
using Space = Handle<&H5Sclose>;
using Type = Handle<&H5Tclose>;
using Attribute = Handle<&H5Aclose>;
using Properties = Handle<&H5Pclose>;

// Where an error happened: the file, and the object in it ("/train/steps").
struct Location {
  std::string file, path;
  [[nodiscard]] Location below(const std::string& name) const { return {file, (path == "/" ? "" : path) + "/" + name}; }
};

struct Node {
  Object object;
  Location location;
};

[[noreturn]] void refuse(const Location& location, const std::string& what, const std::string& got = "",
                         const std::string& expected = "");
// As refuse, with what HDF5 has to say.
[[noreturn]] void fail(const Location& location, const std::string& what);

// HDF5 reports failure by a negative number.
template <class T>
T checked(T result, const Location& location, const std::string& what) {
  if (result < 0) fail(location, what);
  return result;
}

File create_image();                                               // an empty file in memory
std::string image_of(const File& file, const Location& location);  // its bytes, as they would lie on disk
File open_image(std::string_view bytes,
                const std::string& name);  // `name` is for messages; refuses bytes behind the file's end
Node root_of(const File& file, const std::string& name);

Type text_type();  // variable length, UTF-8
Type flag_type();  // the enumeration of FALSE and TRUE that Python's h5py takes for bool

}  // namespace sam3lab::hdf5
