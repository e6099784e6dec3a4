// Numbers of 64 bits that differ in few bits, without comparing all with all.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace sam3lab {

inline constexpr int near_bits = 6;  // two numbers are near if they differ in at most as many

// Numbers that are near differ in at most one bit of one of their four quarters: only those are looked up. 48 bytes a number,
// and 1 MiB.
class NearIndex {
 public:
  explicit NearIndex(const std::vector<std::uint64_t>& values);
  // Calls `found` with the index of each number that is near, once each, in no certain order; stops where it returns false.
  void each(std::uint64_t value, const std::function<bool(std::uint32_t)>& found) const;

 private:
  static constexpr int bands = 4, width = 16;
  struct Band {
    std::vector<std::uint64_t> values;  // by what they have in this band
    std::vector<std::uint32_t> order;   // their indices
    std::vector<std::uint32_t> starts;  // where each content of the band begins
  };
  std::array<Band, bands> bands_;
};

// Indices (i < j) of near pairs, in ascending order, the first `most` of them; `values` must all be different.
std::vector<std::pair<std::uint32_t, std::uint32_t>> near_pairs(const std::vector<std::uint64_t>& values, std::size_t most);

}  // namespace sam3lab
