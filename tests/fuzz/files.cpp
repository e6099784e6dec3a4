#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

#include "tests/fuzz/target.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::fuzz {
std::string as_file(std::string_view bytes) {
  static const int memory = ::memfd_create("file", MFD_CLOEXEC);
  promise(memory >= 0 && ::ftruncate(memory, 0) == 0);
  promise(::pwrite(memory, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return "/proc/self/fd/" + std::to_string(memory);
}

std::string as_file(std::string_view bytes, const std::string& name) {
  static const test::TempFolder folder;
  std::ofstream file(folder / name, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  promise(file.good());
  return folder / name;
}

std::vector<Entry>& targets() {
  static std::vector<Entry> all;
  return all;
}

}  // namespace sam3lab::fuzz
