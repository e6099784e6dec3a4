// From a mask of a label to the targets of an image.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <sam3lab/api/dataset.h>

namespace sam3lab::datasets {

// [H, W] bool -> [n, H, W] bool: its connected parts (8 neighbours) of at least `min_pixels`.
at::Tensor connected_parts(const at::Tensor& mask, std::int64_t min_pixels);

// [n, H, W] bool: one mask for each value that `stored` [H, W] int32 has inside `mask` [H, W] bool, ascending.
at::Tensor numbered_objects(const at::Tensor& stored, const at::Tensor& mask);

// Adds a label that has `masks` [n, H, W] bool; nothing if none of them has a pixel. Masks below `min_pixels` are no targets;
// if that leaves none, the image is unsure of the label.
void add_masks(const std::string& label, const at::Tensor& masks, std::int64_t min_pixels, LabelledImage& out);

}  // namespace sam3lab::datasets
