// From an image to the pixels that a model reads, as the published package's image processor does it
// (sam3/model/sam3_image_processor.py: to bytes, resize, scale, normalise). Training, evaluation and prediction share these
// steps.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include <ATen/core/Tensor.h>

namespace sam3lab {

// [H, W, 1 or 3] as read_raster gives it -> [H, W, 3] uint8. 16-bit values lose their low byte, which is the processor's own
// first step (torchvision's ToDtype(uint8, scale=True)); Pillow's convert("RGB") would clip 16-bit grey at 255 instead, which
// leaves nothing of a medical image. With `limits`, values of either depth are windowed: see window() in image.h.
at::Tensor rgb_bytes(const at::Tensor& raster, const std::optional<std::pair<double, double>>& limits = std::nullopt);

// [H, W, 3] uint8 -> [side, side, 3] uint8: bilinear with antialiasing, as torchvision's Resize on uint8 tensors. The same
// image if it has that size.
at::Tensor resize_image(const at::Tensor& image, std::int64_t side);

// uint8 of any shape -> float32 in -1..1: (value / 255 - 0.5) / 0.5 in the processor's order of operations.
at::Tensor normalised(const at::Tensor& bytes);

// [H, W, 3] uint8 -> [3, side, side] float32: the two steps above.
at::Tensor model_image(const at::Tensor& image, std::int64_t side);

}  // namespace sam3lab
