#include "core/base/bounded_folder.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include <sam3lab/api/error.h>

#include "core/base/atomic_file.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t spare_bytes = 1'000'000'000;   // of the disk, which results and checkpoints need
constexpr std::size_t digest_digits = 64, suffix = 7;  // of a name; of an AtomicFile that is being written, ".Ab3dE6"

std::uint64_t bytes_of(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

}  // namespace

// While it lives, no other thread or process writes to the folder.
class BoundedFolder::Lock {
 public:
  explicit Lock(const BoundedFolder& of)
      : of_(of), file_(::open(of.path_of(".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (!file_.valid() || !file_.lock()) of_.refuse(std::strerror(errno));
  }
  [[nodiscard]] std::uint64_t sum() const {
    std::array<char, width> text{};
    std::uint64_t bytes = 0;
    if (file_.read(text.data(), text.size(), 0)) std::from_chars(text.data(), text.data() + text.size(), bytes);
    return bytes;
  }
  void set_sum(std::uint64_t bytes) const {
    if (!file_.write(fmt::format("{:<20}\n", bytes).data(), width, 0)) of_.refuse(std::strerror(errno));
  }

 private:
  static constexpr std::size_t width = 21;
  const BoundedFolder& of_;
  OpenFile file_;
};

BoundedFolder::BoundedFolder(fs::path folder, Rules rules) : folder_(std::move(folder)), rules_(std::move(rules)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) refuse(error.message());
  const Lock lock(*this);
  { const AtomicFile probe(path_of(".probe").string()); }
  lock.set_sum(make_room(0));
}

void BoundedFolder::refuse(const std::string& reason) const {
  throw DataError(Fault{folder_.string(), "cannot write in the folder of " + rules_.holds, reason, "",
                        "set " + rules_.option + " to a folder that can be written, or leave it out"});
}

std::size_t BoundedFolder::rank_of(const std::string& name) const {
  const auto& endings = rules_.endings;
  const auto hex = name.substr(0, digest_digits);
  if (hex.size() < digest_digits || hex.find_first_not_of("0123456789abcdef") != std::string::npos) return endings.size();
  return static_cast<std::size_t>(std::find(endings.begin(), endings.end(), name.substr(digest_digits)) - endings.begin());
}

bool BoundedFolder::is_left_behind(const std::string& name) const {  // by a writer that was killed
  return name.size() > suffix && rank_of(name.substr(0, name.size() - suffix)) < rules_.endings.size();
}

void BoundedFolder::used(const std::string& name) const { ::utimensat(AT_FDCWD, path_of(name).c_str(), nullptr, 0); }

OpenFile BoundedFolder::open(const std::string& name) const {
  OpenFile file(::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (file.valid()) ::futimens(file.descriptor(), nullptr);
  return file;
}

// Takes away files until `bytes` more fit. Returns the sum of those that stay. Under the lock.
std::uint64_t BoundedFolder::make_room(std::uint64_t bytes) const {
  struct Old {
    std::size_t rank;
    fs::file_time_type used;
    fs::path path;
    std::uint64_t bytes;
  };
  std::vector<Old> files;
  std::uint64_t sum = 0;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    const auto name = entry->path().filename().string();
    const auto rank = rank_of(name);
    if (is_left_behind(name)) fs::remove(entry->path(), gone);
    if (rank == rules_.endings.size()) continue;
    files.push_back({rank, entry->last_write_time(gone), entry->path(), bytes_of(entry->path())});
    sum += files.back().bytes;
  }
  if (error) refuse(error.message());
  std::sort(files.begin(), files.end(),
            [](const Old& a, const Old& b) { return std::tie(a.rank, a.used, a.path) < std::tie(b.rank, b.used, b.path); });
  for (const auto& file : files) {
    if (sum + bytes <= rules_.most_bytes) break;
    if (fs::remove(file.path, error)) sum -= file.bytes;
  }
  return sum;
}

void BoundedFolder::add(const std::string& name, std::uint64_t bytes,
                        const std::function<void(const std::string& path)>& write) const {
  if (bytes > rules_.most_bytes) {
    throw DataError(Fault{folder_.string(), "one file is larger than all may be together", fmt::format("{} bytes", bytes),
                          fmt::format("at most {}", rules_.most_bytes), "raise " + rules_.option + "_gb"});
  }
  std::error_code error;
  const auto space = fs::space(folder_, error);
  if (!error && space.available < bytes + spare_bytes) {
    throw DataError(Fault{folder_.string(), "the disk is nearly full", fmt::format("{} bytes", space.available),
                          fmt::format("{} and 1 GB to spare", bytes), ""});
  }
  const auto path = path_of(name);
  const Lock lock(*this);
  auto sum = lock.sum();
  if (sum + bytes > rules_.most_bytes + bytes_of(path)) sum = make_room(bytes);
  const auto replaced = std::min(sum, bytes_of(path));
  lock.set_sum(sum + bytes);  // first, so that a kill leaves the sum too large, never too small
  try {
    write(path.string());
  } catch (...) {
    lock.set_sum(sum);
    throw;
  }
  lock.set_sum(sum - replaced + bytes_of(path));
}

bool BoundedFolder::keep(const std::string& name, const std::vector<std::string_view>& parts) const {
  std::uint64_t bytes = 0;
  for (const auto& part : parts) bytes += part.size();
  try {
    add(name, bytes, [&parts](const std::string& path) {
      AtomicFile file(path);
      for (const auto& part : parts) file.write(part);
      file.commit(/*flushed=*/false);
    });
  } catch (const DataError&) {
    return false;
  }
  return true;
}

}  // namespace sam3lab
