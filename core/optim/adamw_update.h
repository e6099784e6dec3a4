// AdamW's update on plain numbers with its moments in bfloat16, which has the range of float32 and 8 bits of its precision.
#pragma once
#include <cstdint>

namespace sam3lab {

struct AdamWStep {
  float beta1, beta2, epsilon;
  float shrink;       // of the parameter: 1 - rate * weight decay
  float step_size;    // rate / (1 - beta1^t)
  float root_second;  // sqrt(1 - beta2^t)
  float gradient;     // factor of the gradient (clipping)
  std::uint32_t key;  // of the rounding
};

// Moments are rounded up or down at random in proportion to the distance (stochastic rounding), for a second moment that
// changes by a thousandth a step would stand still under rounding to the nearest. `first` is the index of parameter[0] in its
// tensor, on which the random numbers depend: any division of the work gives the same bits.
void adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment, std::uint16_t* second_moment,
                    std::int64_t first, std::int64_t count, const AdamWStep& step);

}  // namespace sam3lab
