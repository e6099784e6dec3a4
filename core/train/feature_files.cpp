#include "core/train/feature_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>

#include <sam3lab/api/error.h>

#include "core/config/text.h"
#include "core/tensor/safetensors.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view ending = ".features", format = "features 1";
constexpr std::uint64_t spare_bytes = 1'000'000'000;  // of the disk, which results and checkpoints need
constexpr std::size_t most_dimensions = 8;

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw std::runtime_error("OpenSSL cannot compute a SHA-256");
  }
  void add(const void* data, std::size_t bytes) { EVP_DigestUpdate(context_.get(), data, bytes); }
  void add(std::string_view text) {
    const std::uint64_t length = text.size();  // so that no two lists of texts look alike
    add(&length, sizeof length);
    add(text.data(), text.size());
  }
  std::string hex() {
    std::array<unsigned char, 32> digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    return fmt::format("{:02x}", fmt::join(digest, ""));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::string digest_of(const Tensors& flat) {
  Digest digest;
  for (const auto& [name, tensor] : flat) digest.add(tensor.const_data_ptr(), tensor.nbytes());
  return digest.hex();
}

std::string layout_of(const at::Tensor& tensor) {
  return fmt::format("{}/{}", fmt::join(tensor.sizes(), " "), fmt::join(tensor.strides(), " "));
}

std::optional<std::vector<std::int64_t>> numbers_of(std::string_view text) {
  std::vector<std::int64_t> numbers;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || numbers.size() == most_dimensions) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty() && text.front() != ' ') return std::nullopt;
    text.remove_prefix(std::min<std::size_t>(1, text.size()));
  }
  return numbers;
}

// `flat` in its layout, in memory of its own; nothing if the layout does not cover it exactly.
std::optional<at::Tensor> in_layout(const at::Tensor& flat, const std::string& layout) {
  const auto slash = layout.find('/');
  if (slash == std::string::npos || flat.dim() != 1) return std::nullopt;
  const auto sizes = numbers_of(std::string_view(layout).substr(0, slash));
  const auto strides = numbers_of(std::string_view(layout).substr(slash + 1));
  if (!sizes || !strides || sizes->size() != strides->size()) return std::nullopt;
  std::int64_t count = 1, last = 0;  // numbers, and the place of the last one
  for (std::size_t d = 0; d < sizes->size(); ++d) {
    std::int64_t reach = 0;
    if ((*sizes)[d] == 0 || __builtin_mul_overflow(count, (*sizes)[d], &count) ||
        __builtin_mul_overflow((*sizes)[d] - 1, (*strides)[d], &reach) || __builtin_add_overflow(last, reach, &last))
      return std::nullopt;
  }
  if (count != flat.numel() || last != count - 1) return std::nullopt;
  const at::Tensor placed = at::as_strided(flat, *sizes, *strides);
  if (!placed.is_non_overlapping_and_dense()) return std::nullopt;
  return at::as_strided(flat.clone(), *sizes, *strides);
}

bool is_feature_file(const std::string& name) {
  return name.size() == 64 + ending.size() && name.ends_with(ending) &&
         std::all_of(name.begin(), name.begin() + 64, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_left_behind(const std::string& name) {  // AtomicFile's, of a writer that was killed
  return name.size() == 64 + ending.size() + 7 && is_feature_file(name.substr(0, 64 + ending.size()));
}

std::uint64_t bytes_of(const fs::path& file) {
  std::error_code error;
  const auto bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

}  // namespace

// While it lives, no other thread or process writes to the folder. It holds the sum of bytes of all files.
class FeatureFiles::Lock {
 public:
  explicit Lock(const fs::path& folder)
      : file_((folder / ".lock").string()), fd_(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail();
    while (::flock(fd_, LOCK_EX) != 0) {
      if (errno != EINTR) fail();
    }
  }
  ~Lock() { ::close(fd_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  [[nodiscard]] std::uint64_t sum() const {
    std::array<char, 24> text{};
    const auto length = ::pread(fd_, text.data(), text.size(), 0);
    std::uint64_t bytes = 0;
    if (length > 0) std::from_chars(text.data(), text.data() + length, bytes);
    return bytes;
  }
  void set_sum(std::uint64_t bytes) {
    const auto text = fmt::format("{:<20}\n", bytes);
    if (::pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) fail();
  }

 private:
  [[noreturn]] void fail() const {
    const std::string reason = std::strerror(errno);
    if (fd_ >= 0) ::close(fd_);
    throw DataError(Fault{file_, "cannot write in the folder of kept features", reason, "",
                          "set [train] cache to a folder that can be written, or leave it out"});
  }
  std::string file_;
  int fd_;
};

FeatureFiles::FeatureFiles(fs::path folder, std::uint64_t most_bytes, std::string context)
    : folder_(std::move(folder)), most_bytes_(most_bytes), context_(std::move(context)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) {
    throw DataError(Fault{folder_.string(), "cannot make the folder of kept features", error.message(), "",
                          "set [train] cache to a folder that can be written, or leave it out"});
  }
  Lock lock(folder_);
  const auto probe = (folder_ / ".probe").string();
  write_safetensors(probe, {}, {}, false);
  ::unlink(probe.c_str());
  lock.set_sum(make_room(0));
}

std::string FeatureFiles::digest(const NamedTensors& tensors) const {
  Digest digest;
  for (const auto& [name, tensor] : tensors) {
    const auto here = tensor.detach().cpu().contiguous();
    digest.add(name);
    digest.add(fmt::format("{} {}", c10::toString(here.scalar_type()), fmt::join(here.sizes(), " ")));
    digest.add(here.const_data_ptr(), here.nbytes());
  }
  return digest.hex();
}

fs::path FeatureFiles::file_of(const std::string& key) const {
  return folder_ / (sha256(context_ + "\n" + key) + std::string(ending));
}

std::vector<at::Tensor> FeatureFiles::find(const std::string& key) {
  std::vector<at::Tensor> tensors;
  const auto path = file_of(key);
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    try {
      const auto file = read_safetensors(path.string());
      const auto text = [&](const std::string& name) {
        const auto found = file.metadata.find(name);
        return found == file.metadata.end() ? std::string() : found->second;
      };
      if (text("sam3lab") == format && text("key") == context_ + "\n" + key && text("sha256") == digest_of(file.tensors)) {
        for (const auto& [name, flat] : file.tensors) {
          auto tensor = in_layout(flat, text("layout " + name));
          if (!tensor) throw DataError(Fault{path.string(), "the layout does not fit", "", "", ""});
          tensors.push_back(*std::move(tensor));
        }
      }
    } catch (const DataError&) {  // damaged
      tensors.clear();
    }
  }
  if (!tensors.empty()) ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // when it was last used
  const std::lock_guard guard(counting_);
  ++(tensors.empty() ? counts_.missing : counts_.found);
  return tensors;
}

// Takes away files until `bytes` more fit. Returns the sum of those that stay. Under the lock.
std::uint64_t FeatureFiles::make_room(std::uint64_t bytes) const {
  struct Old {
    fs::file_time_type used;
    std::uint64_t bytes;
    fs::path path;
  };
  std::vector<Old> files;
  std::uint64_t sum = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto name = entry.path().filename().string();
    if (is_left_behind(name)) fs::remove(entry.path(), error);
    if (!is_feature_file(name)) continue;
    files.push_back({entry.last_write_time(error), bytes_of(entry.path()), entry.path()});
    sum += files.back().bytes;
  }
  std::ranges::sort(files, [](const Old& a, const Old& b) { return std::pair(a.used, a.path) < std::pair(b.used, b.path); });
  for (const auto& file : files) {
    if (sum + bytes <= most_bytes_) break;
    if (fs::remove(file.path, error)) sum -= file.bytes;
  }
  return sum;
}

void FeatureFiles::write(const std::string& key, const std::vector<at::Tensor>& tensors) {
  Tensors flat;
  Metadata metadata{{"sam3lab", std::string(format)}, {"key", context_ + "\n" + key}};
  std::uint64_t bytes = 4096 + 4 * key.size();  // the header
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto tensor = tensors[i].detach().cpu();
    if (!tensor.is_non_overlapping_and_dense()) tensor = tensor.contiguous();
    const auto name = fmt::format("{:02}", i);
    metadata["layout " + name] = layout_of(tensor);
    flat[name] = at::as_strided(tensor, {tensor.numel()}, {1});
    bytes += tensor.nbytes();
  }
  metadata["sha256"] = digest_of(flat);
  const auto path = file_of(key);
  Lock lock(folder_);
  const auto refuse = [&](const std::string& what) { throw DataError(Fault{folder_.string(), what, "", "", ""}); };
  if (bytes > most_bytes_) refuse("one result is larger than train.cache_gb");
  std::error_code error;
  if (const auto space = fs::space(folder_, error); !error && space.available < bytes + spare_bytes)
    refuse("the disk is nearly full");
  const auto before = bytes_of(path);
  auto sum = lock.sum();
  if (sum + bytes > most_bytes_ + before) sum = make_room(bytes);
  const auto replaced = bytes_of(path);
  write_safetensors(path.string(), flat, metadata, false);
  lock.set_sum(sum + bytes_of(path) - replaced);
}

void FeatureFiles::keep(const std::string& key, const std::vector<at::Tensor>& tensors) {
  std::string failure;
  try {
    write(key, tensors);
  } catch (const DataError& error) {
    failure = error.what();
  }
  const std::lock_guard guard(counting_);
  ++(failure.empty() ? counts_.kept : counts_.not_kept);
  if (!failure.empty()) counts_.failure = failure;
}

FeatureFiles::Counts FeatureFiles::counts() const {
  const std::lock_guard guard(counting_);
  return counts_;
}

}  // namespace sam3lab
