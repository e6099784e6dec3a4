// AdamW's update of one element with moments in bfloat16. The CPU and the GPU compile the same lines, both without fused
// multiply-add, so they give the same bits.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/optim/adamw_update.h"

#ifdef __CUDACC__
#define SAM3LAB_EVERYWHERE __host__ __device__ __forceinline__
#else
#define SAM3LAB_EVERYWHERE inline __attribute__((always_inline))
#endif

namespace sam3lab::adamw {

SAM3LAB_EVERYWHERE float widen(std::uint16_t half) {
  const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

SAM3LAB_EVERYWHERE std::uint16_t round_at_random(float value, std::uint32_t random16) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<std::uint16_t>((bits + random16) >> 16);
}

// 32 random bits that depend on `h` alone: the finaliser of Mueller and Wellons.
SAM3LAB_EVERYWHERE std::uint32_t scramble(std::uint32_t h) {
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= h >> 15;
  h *= 0x846ca68bU;
  h ^= h >> 16;
  return h;
}

// `index`: of the element in its tensor. `unroot`: 1 / step.root_second.
SAM3LAB_EVERYWHERE void update(float& parameter, float gradient, std::uint16_t& first_moment, std::uint16_t& second_moment,
                               std::uint32_t index, float unroot, const AdamWStep& step) {
  const float g = gradient * step.gradient;
  const float m = step.beta1 * widen(first_moment) + (1.0F - step.beta1) * g;
  const float v = step.beta2 * widen(second_moment) + (1.0F - step.beta2) * g * g;
  parameter = parameter * step.shrink - step.step_size * m / (std::sqrt(v) * unroot + step.epsilon);
  const std::uint32_t random = scramble(index ^ step.key);
  first_moment = round_at_random(m, random & 0xffffU);
  second_moment = round_at_random(v, random >> 16);
}

}  // namespace sam3lab::adamw
