#include "core/verify/near.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace sam3lab {

std::vector<std::pair<std::uint32_t, std::uint32_t>> near_pairs(const std::vector<std::uint64_t>& values, std::size_t most) {
  constexpr int bands = near_bits + 1;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  std::vector<std::uint32_t> order(values.size());
  for (int band = 0; band < bands; ++band) {
    const int from = 64 * band / bands, to = 64 * (band + 1) / bands;
    const auto part = [&](std::uint32_t i) { return values[i] << (64 - to) >> (64 - to + from); };
    // Earlier bands that agree have given this pair already.
    const auto seen = [&](std::uint64_t difference) {
      for (int earlier = 0; earlier < band; ++earlier) {
        const int low = 64 * earlier / bands, high = 64 * (earlier + 1) / bands;
        if (difference << (64 - high) >> (64 - high + low) == 0) return true;
      }
      return false;
    };
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return std::pair(part(a), a) < std::pair(part(b), b); });
    for (std::size_t i = 0; i < order.size(); ++i) {
      for (std::size_t j = i + 1; j < order.size() && part(order[i]) == part(order[j]); ++j) {
        const auto difference = values[order[i]] ^ values[order[j]];
        if (std::popcount(difference) > near_bits || seen(difference)) continue;
        pairs.emplace_back(order[i], order[j]);
        if (pairs.size() >= most) {
          std::sort(pairs.begin(), pairs.end());
          return pairs;
        }
      }
    }
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

}  // namespace sam3lab
