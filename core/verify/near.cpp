#include "core/verify/near.h"

#include <algorithm>
#include <bit>

namespace sam3lab {

static_assert(near_bits < 8, "with eight, each of the four quarters may differ in two bits");

NearIndex::NearIndex(const std::vector<std::uint64_t>& values) {
  for (int b = 0; b < bands; ++b) {
    auto& band = bands_[static_cast<std::size_t>(b)];
    const auto key = [b](std::uint64_t value) { return value >> (b * width) & 0xFFFF; };
    band.starts.assign((std::size_t{1} << width) + 1, 0);
    for (const auto value : values) ++band.starts[key(value) + 1];
    for (std::size_t k = 1; k < band.starts.size(); ++k) band.starts[k] += band.starts[k - 1];
    auto next = band.starts;
    band.order.resize(values.size());
    band.values.resize(values.size());
    for (std::uint32_t i = 0; i < values.size(); ++i) {
      const auto at = next[key(values[i])]++;
      band.order[at] = i;
      band.values[at] = values[i];
    }
  }
}

void NearIndex::each(std::uint64_t value, const std::function<bool(std::uint32_t)>& found) const {
  // An earlier quarter that differs in at most one bit has given this number already.
  const auto seen = [](std::uint64_t difference, int band) {
    for (int earlier = 0; earlier < band; ++earlier) {
      const auto quarter = difference >> (earlier * width) & 0xFFFF;
      if ((quarter & (quarter - 1)) == 0) return true;
    }
    return false;
  };
  for (int b = 0; b < bands; ++b) {
    const auto& band = bands_[static_cast<std::size_t>(b)];
    const auto key = static_cast<std::size_t>(value >> (b * width) & 0xFFFF);
    for (int bit = -1; bit < width; ++bit) {
      const auto near_key = bit < 0 ? key : key ^ (std::size_t{1} << bit);
      for (auto at = band.starts[near_key]; at < band.starts[near_key + 1]; ++at) {
        const auto difference = band.values[at] ^ value;
        if (std::popcount(difference) > near_bits || seen(difference, b)) continue;
        if (!found(band.order[at])) return;
      }
    }
  }
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> near_pairs(const std::vector<std::uint64_t>& values, std::size_t most) {
  const NearIndex index(values);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (std::uint32_t i = 0; i < values.size() && pairs.size() < most; ++i) {
    const auto first = static_cast<std::ptrdiff_t>(pairs.size());
    index.each(values[i], [&](std::uint32_t j) {
      if (j > i) pairs.emplace_back(i, j);
      return true;
    });
    std::sort(pairs.begin() + first, pairs.end());
  }
  if (pairs.size() > most) pairs.resize(most);
  return pairs;
}

}  // namespace sam3lab
