// Text that a scanner wrote into an image.
#pragma once
#include <ATen/core/Tensor.h>

namespace sam3lab {

// [H, W, 3] uint8 -> [H, W] bool: boxes around lines of at least three bright thin marks of one height, side by side on one
// base line. A rule of thumb: it finds light letters of 6 pixels to a twelfth of the image's height on a darker ground, not
// dark or slanted ones, and may take a row of equal bright spots for a word.
at::Tensor burned_in_text(const at::Tensor& image);

}  // namespace sam3lab
