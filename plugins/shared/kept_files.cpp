#include "plugins/shared/kept_files.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <tuple>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t spare_bytes = 1'000'000'000;  // of the disk, which results and checkpoints need
constexpr std::size_t digits = 64, suffix = 7;        // of a name; of a file that is being written, ".Ab3dE6"

std::uint64_t bytes_of(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

// mkostemp makes files that nobody else may read. Asked once, for asking sets it for a moment.
mode_t usual_rights() {
  static const mode_t mask = [] {
    const auto mine = ::umask(0);
    ::umask(mine);
    return mine;
  }();
  return 0666 & ~mask;
}

[[noreturn]] void refuse(const std::string& folder, const std::string& reason) {
  throw DataError(Fault{folder, "cannot write in the folder of packed cases", reason, "",
                        "set the dataset's `cache` to a folder that can be written, or leave it out"});
}

}  // namespace

// While it lives, no other thread or process writes to the folder.
class KeptFiles::Lock {
 public:
  explicit Lock(const std::string& folder)
      : file_(::open((fs::path(folder) / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (!file_.valid() || !file_.lock()) refuse(folder, std::strerror(errno));
  }
  [[nodiscard]] std::uint64_t sum() const {
    std::array<char, width> text{};
    std::uint64_t bytes = 0;
    if (file_.read(text.data(), text.size(), 0)) std::from_chars(text.data(), text.data() + text.size(), bytes);
    return bytes;
  }
  [[nodiscard]] bool set_sum(std::uint64_t bytes) const { return file_.write(fmt::format("{:<20}\n", bytes).data(), width, 0); }

 private:
  static constexpr std::size_t width = 21;
  OpenFile file_;
};

KeptFiles::KeptFiles(std::string folder, std::uint64_t most_bytes, std::vector<std::string> endings)
    : folder_(std::move(folder)), most_bytes_(most_bytes), endings_(std::move(endings)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) refuse(folder_, error.message());
  const Lock lock(folder_);
  if (!lock.set_sum(make_room(0))) refuse(folder_, std::strerror(errno));
}

std::size_t KeptFiles::rank_of(const std::string& name) const {
  const auto hex = name.substr(0, digits);
  if (hex.size() < digits || hex.find_first_not_of("0123456789abcdef") != std::string::npos) return endings_.size();
  return static_cast<std::size_t>(std::find(endings_.begin(), endings_.end(), name.substr(digits)) - endings_.begin());
}

bool KeptFiles::is_left_behind(const std::string& name) const {  // by a writer that was killed
  return name.size() > suffix && rank_of(name.substr(0, name.size() - suffix)) < endings_.size();
}

OpenFile KeptFiles::open(const std::string& name) const {
  OpenFile file(::open((fs::path(folder_) / name).c_str(), O_RDONLY | O_CLOEXEC));
  if (file.valid()) ::futimens(file.descriptor(), nullptr);
  return file;
}

// Takes away files until `bytes` more fit. Returns the sum of those that stay. Under the lock.
std::uint64_t KeptFiles::make_room(std::uint64_t bytes) const {
  struct Old {
    std::size_t rank;
    fs::file_time_type used;
    fs::path path;
    std::uint64_t bytes;
  };
  std::vector<Old> files;
  std::uint64_t sum = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto name = entry.path().filename().string();
    const auto rank = rank_of(name);
    if (is_left_behind(name)) fs::remove(entry.path(), error);
    if (rank == endings_.size()) continue;
    files.push_back({rank, entry.last_write_time(error), entry.path(), bytes_of(entry.path())});
    sum += files.back().bytes;
  }
  std::sort(files.begin(), files.end(),
            [](const Old& a, const Old& b) { return std::tie(a.rank, a.used, a.path) < std::tie(b.rank, b.used, b.path); });
  for (const auto& file : files) {
    if (sum + bytes <= most_bytes_) break;
    if (fs::remove(file.path, error)) sum -= file.bytes;
  }
  return sum;
}

bool KeptFiles::write(const std::string& path, const std::vector<std::string_view>& parts) const {
  auto temporary = path + ".XXXXXX";
  const OpenFile file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return false;
  std::uint64_t offset = 0;
  bool written = ::fchmod(file.descriptor(), usual_rights()) == 0;
  for (const auto& part : parts) {
    written = written && file.write(part.data(), part.size(), offset);
    offset += part.size();
  }
  if (written && ::rename(temporary.c_str(), path.c_str()) == 0) return true;
  ::unlink(temporary.c_str());
  return false;
}

bool KeptFiles::keep(const std::string& name, const std::vector<std::string_view>& parts) {
  std::uint64_t bytes = 0;
  for (const auto& part : parts) bytes += part.size();
  std::error_code error;
  const auto space = fs::space(folder_, error);
  if (bytes > most_bytes_ || (!error && space.available < bytes + spare_bytes)) return false;
  const auto path = (fs::path(folder_) / name).string();
  try {
    const Lock lock(folder_);
    auto sum = lock.sum();
    if (sum + bytes > most_bytes_ + bytes_of(path)) sum = make_room(bytes);
    const auto replaced = std::min(sum, bytes_of(path));
    if (!lock.set_sum(sum + bytes)) return false;  // first, so that a kill leaves the sum too large, never too small
    const bool written = write(path, parts);
    return lock.set_sum(written ? sum + bytes - replaced : sum) && written;
  } catch (const DataError&) {  // the folder went away, or its rights did
    return false;
  } catch (const fs::filesystem_error&) {
    return false;
  }
}

}  // namespace sam3lab
