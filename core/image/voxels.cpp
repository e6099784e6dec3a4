#include "core/image/voxels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <torch/types.h>

#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

constexpr std::int64_t block = 1 << 16;

// `count` numbers, of which each `step`-th from `first` on is kept.
template <class T>
void take_voxels(ByteSource& source, const VoxelLayout& layout, std::int64_t count, std::int64_t first, std::int64_t step,
                 float* out) {
  std::vector<T> part(static_cast<std::size_t>(std::min(count, block)));
  std::int64_t next = first;
  for (std::int64_t done = 0; done < count;) {
    const auto n = std::min(count - done, block);
    source.exactly(part.data(), static_cast<std::size_t>(n) * sizeof(T));
    for (; next < done + n; next += step) {
      const T stored = part[static_cast<std::size_t>(next - done)];
      *out++ = static_cast<float>(static_cast<double>(layout.swap ? swapped(stored) : stored) * layout.slope + layout.inter);
    }
    done += n;
  }
}

void take_typed(ByteSource& source, const VoxelLayout& layout, std::int64_t count, std::int64_t first, std::int64_t step,
                float* out) {
  const auto run = [&](auto zero) { take_voxels<decltype(zero)>(source, layout, count, first, step, out); };
  switch (layout.type) {
    case NumberType::boolean:
    case NumberType::u8:
      return run(std::uint8_t{});
    case NumberType::i8:
      return run(std::int8_t{});
    case NumberType::u16:
      return run(std::uint16_t{});
    case NumberType::i16:
      return run(std::int16_t{});
    case NumberType::u32:
      return run(std::uint32_t{});
    case NumberType::i32:
      return run(std::int32_t{});
    case NumberType::u64:
      return run(std::uint64_t{});
    case NumberType::i64:
      return run(std::int64_t{});
    case NumberType::f16:
      return run(c10::Half{});
    case NumberType::f32:
      return run(float{});
    case NumberType::f64:
      return run(double{});
  }
}

at::Tensor with_axes(const at::Tensor& flat, const VoxelLayout& layout) {
  return flat.view({layout.shape[2], layout.shape[1], layout.shape[0]}).permute({2, 1, 0});
}

std::int64_t voxels_of(const VoxelLayout& layout) { return layout.shape[0] * layout.shape[1] * layout.shape[2]; }

}  // namespace

std::int64_t checked_count(const std::string& name, const std::vector<std::int64_t>& sizes) {
  std::int64_t count = 1;
  for (const auto n : sizes) {
    if (n < 1) throw DataError(Fault{name, "damaged header", "a size of " + std::to_string(n), "at least 1", ""});
    if (n > max_voxels / count) {
      throw DataError(Fault{name, "volume too large", "more than 2^31 voxels", "at most " + std::to_string(max_voxels), ""});
    }
    count *= n;
  }
  return count;
}

std::int64_t checked_channel(const std::string& name, std::int64_t wanted, std::int64_t channels) {
  if (wanted < 0 && channels > 1) {
    throw DataError(Fault{name, "more than three dimensions", std::to_string(channels) + " volumes in one file",
                          "one, or the choice of a channel", "set channel to 0.." + std::to_string(channels - 1)});
  }
  if (wanted >= channels) {
    throw DataError(Fault{name, "no such channel", std::to_string(wanted), "0.." + std::to_string(channels - 1), ""});
  }
  return std::max<std::int64_t>(wanted, 0);
}

at::Tensor read_voxels(ByteSource& source, const VoxelLayout& layout) {
  const auto count = voxels_of(layout);
  auto out = torch::empty({count}, torch::kFloat32);
  if (layout.interleaved) {
    take_typed(source, layout, count * layout.channels, layout.channel, layout.channels, out.data_ptr<float>());
  } else {
    source.skip(static_cast<std::uint64_t>(layout.channel * count) * number_bytes(layout.type));
    take_typed(source, layout, count, 0, 1, out.data_ptr<float>());
  }
  return with_axes(out, layout);
}

at::Tensor read_text_voxels(ByteSource& source, const VoxelLayout& layout) {
  const auto count = voxels_of(layout);
  const auto first = layout.interleaved ? layout.channel : layout.channel * count,
             step = layout.interleaved ? layout.channels : 1;
  auto out = torch::empty({count}, torch::kFloat32);
  auto* to = out.data_ptr<float>();
  std::string word;
  char letter = 0;
  std::int64_t seen = 0, kept = 0;
  const auto end_word = [&] {
    if (word.empty()) return;
    double value = 0;
    const auto [stop, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc() || stop != word.data() + word.size())
      throw DataError(Fault{source.name(), "not a number", "'" + word + "'", "", ""});
    if (seen == first + kept * step) to[kept++] = static_cast<float>(value * layout.slope + layout.inter);
    ++seen;
    word.clear();
  };
  while (kept < count && source.some(&letter, 1) == 1) {
    if (std::strchr(" \t\r\n,", letter) != nullptr) {
      end_word();
    } else if (word.size() < 64) {
      word += letter;
    } else {
      throw DataError(Fault{source.name(), "not a number", "a word of more than 64 letters", "", ""});
    }
  }
  if (kept < count) end_word();
  if (kept < count) {
    throw DataError(Fault{source.name(), "the file ends early", std::to_string(kept) + " numbers", std::to_string(count), ""});
  }
  return with_axes(out, layout);
}

void set_affine(Volume& volume, const Affine& affine, const std::string& name) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double square = 0;
    for (std::size_t row = 0; row < 3; ++row) square += affine[row][axis] * affine[row][axis];
    volume.spacing_mm[axis] = std::sqrt(square);
  }
  const auto& a = affine;
  const double determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                             a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                             a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
  const bool shifts = std::isfinite(a[0][3]) && std::isfinite(a[1][3]) && std::isfinite(a[2][3]);
  if (!shifts || !std::isfinite(determinant) || std::abs(determinant) < 1e-12) {
    throw DataError(Fault{name, "damaged header", "an orientation that cannot be inverted",
                          "three independent axes at a finite place", ""});
  }
  volume.affine = affine;
}

Affine from_lps(Affine affine) {
  for (std::size_t row = 0; row < 2; ++row) {
    for (auto& value : affine[row]) value = value == 0 ? 0 : -value;
  }
  return affine;
}

}  // namespace sam3lab
