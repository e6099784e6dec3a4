// Whether a checkpoint has the sizes of the published model.
#pragma once
#include <sam3lab/api/checkpoint_layouts.h>

namespace sam3lab::sam3 {

// Compares the sizes that shapes show (widths, numbers of blocks, object queries, ...) with those of `size = "full"`. Other
// sizes do not show (heads, window, side of the image), so the options of any other model are not guessed.
[[nodiscard]] CheckpointSizes published_sizes(const Tensors& bare);

}  // namespace sam3lab::sam3
