#include "core/train/adamw_update.h"

#include <cmath>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#pragma GCC optimize("O3", "no-math-errno")
#define SAM3LAB_EVERY_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SAM3LAB_EVERY_CPU
#endif

namespace sam3lab {
namespace {

inline __attribute__((always_inline)) float widen(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline __attribute__((always_inline)) std::uint16_t round_at_random(float value, std::uint32_t random16) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>((bits + random16) >> 16);
}

}  // namespace

SAM3LAB_EVERY_CPU void adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                      std::uint16_t* second_moment, std::int64_t first, std::int64_t count,
                                      const AdamWStep& step) {
  const AdamWStep s = step;
  const float rest1 = 1.0F - s.beta1, rest2 = 1.0F - s.beta2, unroot = 1.0F / s.root_second;
  const auto start = static_cast<std::uint32_t>(first);
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = gradient[i] * s.gradient;
    const float m = s.beta1 * widen(first_moment[i]) + rest1 * g;
    const float v = s.beta2 * widen(second_moment[i]) + rest2 * g * g;
    parameter[i] = parameter[i] * s.shrink - s.step_size * m / (std::sqrt(v) * unroot + s.epsilon);
    std::uint32_t h = (start + static_cast<std::uint32_t>(i)) ^ s.key;  // finaliser of Mueller and Wellons
    h ^= h >> 16;
    h *= 0x7feb352dU;
    h ^= h >> 15;
    h *= 0x846ca68bU;
    h ^= h >> 16;
    first_moment[i] = round_at_random(m, h & 0xffffU);
    second_moment[i] = round_at_random(v, h >> 16);
  }
}

}  // namespace sam3lab
