#include "plugins/backbones/sam3/kernels/attention_tiles.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <sam3lab/api/random.h>

// The fastest version of a loop is chosen for the CPU at run time. Sanitizers do not support that.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define SAM3LAB_EVERY_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SAM3LAB_EVERY_CPU
#endif
#define SAM3LAB_INLINE inline __attribute__((always_inline))

namespace sam3lab::sam3 {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// exp(x) for x <= about 0 to 1 unit in the last place: exp(x) = 2^n exp(r), |r| <= ln(2)/2, by a polynomial of degree 6.
SAM3LAB_INLINE float exponential(float x) {
  constexpr float round = 12582912.0F;  // 1.5 * 2^23: adding and subtracting it rounds to an integer
  const float clamped = std::max(x, -88.0F);
  const float n = (clamped * 1.44269504F + round) - round;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::int32_t bits = (static_cast<std::int32_t>(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return x < -87.0F ? 0.0F : p * power;
}

SAM3LAB_INLINE std::uint32_t hash(std::uint32_t a, std::uint32_t b, std::uint32_t column) {
  std::uint32_t h = column + a;
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= b ^ (h >> 15);
  h *= 0x846ca68bU;
  return h ^ (h >> 16);
}

SAM3LAB_INLINE void add_mask(float* row, const Tile& tile, std::int64_t i) {
  const float* mask = tile.mask + i * tile.mask_row;
  if (tile.mask_column == 1) {
#pragma omp simd
    for (std::int64_t j = 0; j < tile.columns; ++j) row[j] += mask[j];
  } else {
    for (std::int64_t j = 0; j < tile.columns; ++j) row[j] += mask[j * tile.mask_column];
  }
}

SAM3LAB_INLINE float largest(const float* row, std::int64_t columns) {
  float most = -infinity;
#pragma omp simd reduction(max : most)
  for (std::int64_t j = 0; j < columns; ++j) most = row[j] > most ? row[j] : most;
  return most;
}

}  // namespace

DropoutRate::DropoutRate(double rate)
    : threshold(static_cast<std::uint32_t>(std::min(std::llround(rate * 4294967296.0), 4294967295LL))),
      kept(rate < 1.0 ? static_cast<float>(1.0 / (1.0 - rate)) : 0.0F) {}

DropoutRow dropout_row(std::uint64_t seed, std::uint64_t row) {
  const std::uint64_t z = splitmix64_mix(seed + (row + 1) * splitmix64_step);
  return {static_cast<std::uint32_t>(z), static_cast<std::uint32_t>(z >> 32)};
}

bool keeps(const DropoutRow& row, std::uint32_t column, const DropoutRate& rate) {
  return hash(row.a, row.b, column) >= rate.threshold;
}

namespace {

SAM3LAB_INLINE void drop_row(const float* x, float* out, std::int64_t count, std::uint32_t a, std::uint32_t b,
                             const DropoutRate& rate) {
  const std::uint32_t threshold = rate.threshold;
  const float kept = rate.kept;
#pragma omp simd
  for (std::int64_t j = 0; j < count; ++j) out[j] = hash(a, b, static_cast<std::uint32_t>(j)) >= threshold ? x[j] * kept : 0.0F;
}

}  // namespace

SAM3LAB_EVERY_CPU void drop_numbers(const float* x, float* out, std::int64_t first, std::int64_t count, std::uint64_t seed,
                                    const DropoutRate& rate) {
  constexpr std::int64_t width = std::int64_t{1} << 20;
  for (std::int64_t done = 0; done < count;) {
    const std::int64_t row = (first + done) / width, column = (first + done) % width,
                       now = std::min(count - done, width - column);
    const DropoutRow keys = dropout_row(seed, static_cast<std::uint64_t>(row));
    drop_row(x + done, out + done, now, keys.a + static_cast<std::uint32_t>(column), keys.b, rate);
    done += now;
  }
}

namespace {

// Replaces the scores of a row by exp(score - highest) after dropout, and returns the sum before dropout. A rate of 0 needs no
// hashes.
template <bool drops>
SAM3LAB_INLINE float numerators(float* row, std::int64_t columns, float highest, std::uint32_t a, std::uint32_t b,
                                std::uint32_t threshold) {
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (std::int64_t j = 0; j < columns; ++j) {
    const float weight = exponential(row[j] - highest);
    total += weight;
    row[j] = !drops || hash(a, b, static_cast<std::uint32_t>(j)) >= threshold ? weight : 0.0F;
  }
  return total;
}

template <bool drops>
SAM3LAB_INLINE void slopes(float* row, float* gradient, std::int64_t columns, float log_sum, float mean, std::uint32_t a,
                           std::uint32_t b, const DropoutRate& rate) {
  const std::uint32_t threshold = rate.threshold;
  const float kept = rate.kept;
#pragma omp simd
  for (std::int64_t j = 0; j < columns; ++j) {
    const float weight = exponential(row[j] - log_sum);
    const float factor = !drops || hash(a, b, static_cast<std::uint32_t>(j)) >= threshold ? kept : 0.0F;
    row[j] = weight * factor;
    gradient[j] = weight * (gradient[j] * factor - mean);
  }
}

}  // namespace

SAM3LAB_EVERY_CPU void forward_tile(float* scores, const Tile& tile, const DropoutRow* keys, const DropoutRate& rate,
                                    float* highest, float* sum, float* out, std::int64_t out_row, std::int64_t width) {
  const std::uint32_t threshold = rate.threshold, first = static_cast<std::uint32_t>(tile.first_column);
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    float* row = scores + i * tile.columns;
    if (tile.mask != nullptr) add_mask(row, tile, i);
    const float before = highest[i], now = std::max(before, largest(row, tile.columns));
    if (now == -infinity) {
      std::fill(row, row + tile.columns, 0.0F);
      continue;
    }
    const std::uint32_t a = keys[i].a + first, b = keys[i].b;
    const float total = threshold > 0 ? numerators<true>(row, tile.columns, now, a, b, threshold)
                                      : numerators<false>(row, tile.columns, now, a, b, threshold);
    const float shrink = before == -infinity ? 0.0F : std::exp(before - now);
    highest[i] = now;
    sum[i] = sum[i] * shrink + total;
    if (shrink != 1.0F) {
      float* of_row = out + i * out_row;
      for (std::int64_t d = 0; d < width; ++d) of_row[d] *= shrink;
    }
  }
}

float finish_row(float* out, std::int64_t width, float highest, float sum, const DropoutRate& rate) {
  const float factor = highest == -infinity ? 0.0F : rate.kept / sum;
  for (std::int64_t d = 0; d < width; ++d) out[d] *= factor;
  return highest == -infinity ? infinity : highest + std::log(sum);
}

SAM3LAB_EVERY_CPU void backward_tile(float* scores, float* gradients, const Tile& tile, const DropoutRow* keys,
                                     const DropoutRate& rate, const float* log_sums, const float* means) {
  const std::uint32_t first = static_cast<std::uint32_t>(tile.first_column);
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    float* row = scores + i * tile.columns;
    float* gradient = gradients + i * tile.columns;
    if (tile.mask != nullptr) add_mask(row, tile, i);
    const std::uint32_t a = keys[i].a + first, b = keys[i].b;
    const float log_sum = log_sums[i], mean = means[i];
    if (rate.threshold > 0) {
      slopes<true>(row, gradient, tile.columns, log_sum, mean, a, b, rate);
    } else {
      slopes<false>(row, gradient, tile.columns, log_sum, mean, a, b, rate);
    }
  }
}

}  // namespace sam3lab::sam3
