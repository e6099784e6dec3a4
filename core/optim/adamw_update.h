// AdamW's update of arrays on the CPU, with moments in bfloat16: the range of float32 and 8 bits of precision.
#pragma once
#include <cstdint>

namespace sam3lab {

struct AdamWStep {
  float beta1, beta2, epsilon;
  float shrink;       // factor of the parameter: 1 - rate * weight decay
  float step_size;    // rate / (1 - beta1^t)
  float root_second;  // sqrt(1 - beta2^t)
  float gradient;     // factor of the gradient (clipping)
  std::uint32_t key;  // seed of the stochastic rounding
};

// Moments are rounded up or down at random, in proportion to the distance (stochastic rounding): rounded to the nearest, a
// second moment that changes by a thousandth per step would never change. The random numbers depend on the index of the element
// in its tensor, so any division of the work gives the same bits. `first` is the index of parameter[0].
void adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment, std::uint16_t* second_moment,
                    std::int64_t first, std::int64_t count, const AdamWStep& step);

}  // namespace sam3lab
