// Masks that are drawn as closed lines.
#pragma once
#include <string>

#include <ATen/core/Tensor.h>

namespace sam3lab::datasets {

// [H, W] bool lines, connected over corners -> [H, W] bool: the lines and all that they enclose. A line that the border of the
// image cuts is closed along the border, on the side where most of what it could enclose lies in its convex hull. Throws
// DataError with `file` for a line that encloses nothing, and for more than a thousand lines: that is no drawing of outlines.
at::Tensor fill_outlines(const at::Tensor& lines, const std::string& file);

}  // namespace sam3lab::datasets
