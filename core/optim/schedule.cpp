#include "core/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sam3lab {

double Schedule::factor(std::int64_t step) const {
  const auto s = static_cast<double>(step);
  const auto warm = static_cast<double>(warmup), scale = static_cast<double>(timescale), all = static_cast<double>(steps);
  double factor = 1.0;
  if (kind == "inverse_square_root" && s > warm) {
    factor = 1.0 / std::sqrt((s + scale - warm) / scale);
  } else if (kind == "cosine" && s > warm) {
    factor = 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, (s - warm) / std::max(1.0, all - warm))));
  }
  if (warmup > 0) factor *= std::min(1.0, s / warm);
  if (cooldown > 0) factor *= std::min(1.0, (all - s) / static_cast<double>(cooldown));
  return std::max(0.0, factor);
}

}  // namespace sam3lab
