#include "core/image/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 30;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

}  // namespace

std::uintmax_t require_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw DataError(Fault{path.string(), "no such file", "", "", ""});
  if (!std::filesystem::is_regular_file(status)) throw DataError(Fault{path.string(), "not a file", "", "a regular file", ""});
  const auto size = std::filesystem::file_size(path, error);
  if (error) throw DataError(Fault{path.string(), "cannot be read: " + error.message(), "", "", ""});
  return size;
}

Bytes read_file(const std::filesystem::path& path) {
  const auto size = require_file(path);
  if (size > largest_file) {
    throw DataError(
        Fault{path.string(), "too large", std::to_string(size) + " bytes", "at most 1 GiB", "cut the image into parts"});
  }
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) throw DataError(Fault{path.string(), std::string("cannot be opened: ") + std::strerror(errno), "", "", ""});
  Bytes bytes(size);
  const auto got = std::fread(bytes.data(), 1, bytes.size(), file.get());
  if (got != bytes.size()) {
    throw DataError(Fault{path.string(), "cannot be read to its end", std::to_string(got) + " bytes",
                          std::to_string(bytes.size()) + " bytes", ""});
  }
  return bytes;
}

}  // namespace sam3lab
