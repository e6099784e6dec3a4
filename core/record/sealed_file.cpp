#include "core/record/sealed_file.h"

#include <fstream>
#include <string_view>

#include <sam3lab/api/error.h>

#include "core/base/atomic_file.h"
#include "core/base/sha256.h"

namespace sam3lab {
namespace {

constexpr std::string_view seal_name = "\nsam3lab-seal sha256 ";
constexpr std::size_t seal_size = seal_name.size() + 64 + 1;  // name, hexadecimal digest, line end
constexpr std::uintmax_t largest_file = std::uintmax_t{2} << 30;

std::string seal_of(std::string_view bytes) { return std::string(seal_name) + sha256(bytes) + "\n"; }

}  // namespace

void write_sealed(const std::filesystem::path& file, const std::string& bytes) {
  AtomicFile out(file.string());
  out.write(bytes);
  out.write(seal_of(bytes));
  out.commit();
}

std::string read_sealed(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) throw DataError(Fault{file.string(), "no such file", "", "a result", "check the path"});
  if (!std::filesystem::is_regular_file(status)) throw DataError(Fault{file.string(), "not a file", "", "a result", ""});
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  if (error) throw DataError(Fault{file.string(), "cannot be read", error.message(), "", ""});
  if (size > largest_file)
    throw DataError(Fault{file.string(), "too large", std::to_string(size) + " bytes", "at most 2 GiB", ""});

  std::string bytes(size, '\0');
  std::ifstream in(file, std::ios::binary);
  if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) {
    throw DataError(Fault{file.string(), "cannot be read", "", "", "check its permissions"});
  }
  if (bytes.size() < seal_size) return bytes;
  const std::string_view all(bytes), body = all.substr(0, bytes.size() - seal_size), seal = all.substr(body.size());
  if (!seal.starts_with(seal_name)) return bytes;
  if (seal != seal_of(body)) {
    throw DataError(Fault{file.string(), "damaged: its content does not match its SHA-256", "", "", "remove it and run again"});
  }
  bytes.resize(body.size());
  return bytes;
}

}  // namespace sam3lab
