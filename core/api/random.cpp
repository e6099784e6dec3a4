#include <sam3lab/api/random.h>

#include <cmath>
#include <stdexcept>

// A contracted multiply-add rounds once instead of twice: normal() would then depend on the machine it was compiled for.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

namespace sam3lab {
namespace {

// FNV-1a, 64 bit.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return h;
}

// The C library's logarithm differs in its last bit between processors. This one uses nothing but exactly rounded operations:
// x = m 2^e with m near 1, and log m = 2 artanh z with z = (m - 1) / (m + 1), |z| < 0.172.
double natural_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) m *= 2.0, --exponent;
  const double z = (m - 1.0) / (m + 1.0);
  const double square = z * z;
  double series = 0.0;
  for (int k = 10; k >= 0; --k) series = series * square + 1.0 / (2 * k + 1);
  return 2.0 * z * series + exponent * 0.69314718055994531;
}

}  // namespace

// An unnamed stream is plain SplitMix64 from `seed`, so that published test vectors apply.
Random::Random(std::uint64_t seed, std::string_view stream)
    : state_(stream.empty() ? seed : splitmix64_mix(splitmix64_mix(seed + splitmix64_step) ^ hash(stream))) {}

std::uint64_t Random::next() { return splitmix64_mix(state_ += splitmix64_step); }

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

// Marsaglia's polar method. The second number of each pair is dropped: the state stays one word, which a checkpoint can hold.
double Random::normal() {
  for (;;) {
    const double u = 2.0 * uniform() - 1.0;
    const double v = 2.0 * uniform() - 1.0;
    const double s = u * u + v * v;
    if (s < 1.0 && s > 0.0) return u * std::sqrt(-2.0 * natural_log(s) / s);
  }
}

std::uint64_t Random::below(std::uint64_t n) {
  if (n == 0) throw std::invalid_argument("Random::below: n must be at least 1");
  // The lowest 2^64 mod n values would make some remainders more likely than others.
  const std::uint64_t uneven = (0 - n) % n;
  std::uint64_t drawn = next();
  while (drawn < uneven) drawn = next();
  return drawn % n;
}

}  // namespace sam3lab
