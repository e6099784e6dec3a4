// Training images of random size in the model's square, as SAM3's recipe has them.
#pragma once
#include <cstdint>

#include <sam3lab/api/random.h>

#include "core/config/augment_options.h"
#include "core/data/sample.h"

namespace sam3lab {

// The side to resize an image to: one of smallest_side, smallest_side + side_step, ... up to `side`, each as likely; `side`
// itself, without a draw, where smallest_side is 0 or larger. Source: get_random_resize_scales, sam3/train/transforms/basic.py.
std::int64_t random_side(const AugmentOptions& options, std::int64_t side, Random& random);

// The sample in a square of `side` pixels, at a random place, black around it. The same sample if it has that size. Source:
// PadToSizeAPI, sam3/train/transforms/basic_for_api.py.
Sample padded(Sample sample, std::int64_t side, Random& random);

}  // namespace sam3lab
