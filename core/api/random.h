// The one source of chance outside LibTorch: the same numbers on every machine and compiler (std's distributions are not).
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

// The two halves of SplitMix64: what the state grows by at each number, and how a number is made of the state. For streams that
// are functions of a position; others take Random.
inline constexpr std::uint64_t splitmix64_step = 0x9E3779B97F4A7C15U;
constexpr std::uint64_t splitmix64_mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

// SplitMix64 (Steele, Lea and Flood 2014). Streams with different names are independent.
class SAM3LAB_API Random {
 public:
  explicit Random(std::uint64_t seed, std::string_view stream = "");
  std::uint64_t next();
  double uniform();                      // [0, 1)
  double normal();                       // mean 0, standard deviation 1
  std::uint64_t below(std::uint64_t n);  // 0..n-1, n >= 1
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  [[nodiscard]] std::uint64_t state() const { return state_; }
  void restore(std::uint64_t state) { state_ = state; }

 private:
  std::uint64_t state_;
};

}  // namespace sam3lab
