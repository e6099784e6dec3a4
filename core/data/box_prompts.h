// Boxes as prompts of training samples.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include <sam3lab/api/batch.h>
#include <sam3lab/api/random.h>

#include "core/config/augment_options.h"
#include "core/data/sample.h"

namespace sam3lab {

// With the probability box_prompt each query that has targets gets the box of one of them, with noise on its edges: normal, of
// box_jitter times its width or height, at most box_jitter_most pixels; cut at the image's border, and left out where nothing
// would remain of the box. Source: RandomizeInputBbox, sam3/train/transforms/point_sampling.py. `height` and `width` are those
// of the image as its dataset gave it, to which the sample's square was resized.
void give_boxes(Sample& sample, std::int64_t height, std::int64_t width, const AugmentOptions& options, Random& random);

// For all queries of the samples, in their order; undefined tensors where none has a box.
BoxPrompts pack_boxes(const std::vector<Sample>& samples);

// Edges x0, y0, x1, y1 with the noise of each added, cut at 0 and 1; as they were if no area is left.
using Edges = std::array<double, 4>;
Edges jittered(const Edges& box, const Edges& noise);

}  // namespace sam3lab
