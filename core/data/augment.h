// Random changes of a training sample. The image and its masks move together.
#pragma once
#include <sam3lab/api/random.h>

#include "core/config/tables.h"
#include "core/data/sample.h"

namespace sam3lab {

// Queries whose masks leave the image become absent ones.
Sample augment(const Sample& sample, const AugmentOptions& options, Random& random);

}  // namespace sam3lab
