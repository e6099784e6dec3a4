#include "core/run/feature_cache.h"

#include <charconv>
#include <optional>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sam3lab/api/error.h>

#include "core/base/sha256.h"
#include "core/tensor/safetensors.h"

namespace sam3lab {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view feature_extension = ".features", format = "features 1";
constexpr std::size_t most_dimensions = 8;

void add_text(std::string_view text, Sha256& digest) {
  const std::uint64_t length = text.size();  // keeps the digests of different lists of texts different
  digest.add(&length, sizeof length);
  digest.add(text.data(), text.size());
}

std::string digest_of(const Tensors& flat) {
  Sha256 digest;
  for (const auto& [name, tensor] : flat) digest.add(tensor.const_data_ptr(), tensor.nbytes());
  return hex_of(digest.end());
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

// A copy of `flat` in the given layout; empty if the layout does not cover it exactly.
std::optional<at::Tensor> in_layout(const at::Tensor& flat, const std::string& layout) {
  const auto slash = layout.find('/');
  if (slash == std::string::npos || flat.dim() != 1) return std::nullopt;
  const auto sizes = numbers_of(std::string_view(layout).substr(0, slash));
  const auto strides = numbers_of(std::string_view(layout).substr(slash + 1));
  if (!sizes || !strides || sizes->size() != strides->size()) return std::nullopt;
  std::int64_t count = 1, last = 0;  // number of elements, and offset of the last one
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

}  // namespace

FeatureCache::FeatureCache(fs::path folder, std::uint64_t most_bytes, std::string context)
    : files_(std::move(folder), {most_bytes, {std::string(feature_extension)}, "cached features", "train.feature_cache"}),
      context_(std::move(context)) {}

std::string FeatureCache::digest(const NamedTensors& tensors) const {
  Sha256 digest;
  for (const auto& [name, tensor] : tensors) {
    const auto here = tensor.detach().cpu().contiguous();
    add_text(name, digest);
    add_text(fmt::format("{} {}", c10::toString(here.scalar_type()), fmt::join(here.sizes(), " ")), digest);
    digest.add(here.const_data_ptr(), here.nbytes());
  }
  return hex_of(digest.end());
}

std::string FeatureCache::name_of(const std::string& key) const {
  return sha256(context_ + "\n" + key) + std::string(feature_extension);
}

std::vector<at::Tensor> FeatureCache::find(const std::string& key) {
  std::vector<at::Tensor> tensors;
  const auto name = name_of(key);
  const auto path = files_.path_of(name);
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    try {
      const auto file = read_safetensors(path.string());
      const auto text = [&](const std::string& entry) {
        const auto found = file.metadata.find(entry);
        return found == file.metadata.end() ? std::string() : found->second;
      };
      if (text("sam3lab") == format && text("key") == context_ + "\n" + key && text("sha256") == digest_of(file.tensors)) {
        for (const auto& [number, flat] : file.tensors) {
          auto tensor = in_layout(flat, text("layout " + number));
          if (!tensor) throw DataError(Fault{path.string(), "the layout does not fit", "", "", ""});
          tensors.push_back(*std::move(tensor));
        }
      }
    } catch (const DataError&) {  // damaged
      tensors.clear();
    }
  }
  if (!tensors.empty()) files_.used(name);
  const std::lock_guard guard(counting_);
  ++(tensors.empty() ? counts_.missing : counts_.found);
  return tensors;
}

void FeatureCache::write(const std::string& key, const std::vector<at::Tensor>& tensors) {
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
  files_.add(name_of(key), bytes, [&](const std::string& path) { write_safetensors(path, flat, metadata, false); });
}

void FeatureCache::put(const std::string& key, const std::vector<at::Tensor>& tensors) {
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

FeatureCache::Counts FeatureCache::counts() const {
  const std::lock_guard guard(counting_);
  return counts_;
}

}  // namespace sam3lab
