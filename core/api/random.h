// The one source of chance outside LibTorch: the same numbers on every machine and compiler (std's distributions are not).
#pragma once
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

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
