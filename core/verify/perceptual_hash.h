// What is kept of an image to find it again: its exact pixels, and what it looks like.
#pragma once
#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace sam3lab {

using PixelDigest = std::array<std::uint8_t, 16>;

// First half of the SHA-256 of height, width and pixels. Image: [H, W, 3] uint8.
PixelDigest pixel_digest(const at::Tensor& image);

// [H, W, 3] uint8 -> [side, side] uint8: grey (mean of the channels), averaged over what a pixel covers.
at::Tensor grey_thumbnail(const at::Tensor& image, std::int64_t side);

// The eight ways to lay a square on itself. Bits: 1 flipped left to right, 2 mirrored top to bottom, 4 rows and columns
// exchanged, which comes first. 0 is the image as it is.
inline constexpr int orientations = 8, quarter_turn = 5, three_quarters = 6;
const char* name_of_orientation(int orientation);                 // "flipped left to right", "rotated by 90 degrees", ...
at::Tensor reoriented(const at::Tensor& image, int orientation);  // [H, W, ...], a view

// Which of the 64 lowest frequencies of the image's cosine transform, its mean left out, lie above their median: images
// that differ by size, compression or brightness differ in few bits. One number per orientation: rotating an image exchanges
// frequencies and their signs, so all come from one transform.
using PerceptualHash = std::array<std::uint64_t, orientations>;
PerceptualHash perceptual_hash_of(const at::Tensor& image);

// Two thumbnails of one image? Both the whole and what is left of it without its coarse light and shade must correlate:
// images of two patients share the coarse alone.
bool same_image(const at::Tensor& a, const at::Tensor& b);
inline constexpr std::int64_t thumbnail_side = 64;  // of same_image

}  // namespace sam3lab
