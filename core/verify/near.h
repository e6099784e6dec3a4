// Pairs of 64-bit numbers that differ in few bits, without comparing all with all.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace sam3lab {

inline constexpr int near_bits = 6;  // two numbers are near if they differ in at most as many

// Indices (i < j) of near pairs, in ascending order; `values` must all be different. Numbers that are near agree in one of
// seven bands of bits, so only those within a band's bucket are compared. Stops at `most` pairs.
std::vector<std::pair<std::uint32_t, std::uint32_t>> near_pairs(const std::vector<std::uint64_t>& values, std::size_t most);

}  // namespace sam3lab
