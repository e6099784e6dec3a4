// Factor of the learning rate in each step, in 0..1. It is multiplied with the peak rate of a group.
#pragma once
#include <cstdint>
#include <string>

namespace sam3lab {

// Source: SAM3's published recipe. s is the step, counted from 0; S is the number of steps:
//   inverse_square_root  1 / sqrt((s + timescale - warmup) / timescale) once s > warmup, else 1
//   cosine               half a cosine from 1 at the end of the warm-up to 0 at S
//   constant             1
// each multiplied with min(1, s / warmup) and min(1, (S - s) / cooldown). With a warm-up or cool-down of 0 steps, that factor
// is 1.
struct Schedule {
  std::string kind = "inverse_square_root";
  std::int64_t steps = 1, warmup = 0, cooldown = 0, timescale = 1;
  [[nodiscard]] double factor(std::int64_t step) const;
};

}  // namespace sam3lab
