// Pictures that show a mask on its image, for people to judge what a score says.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace sam3lab {

struct OverlayCase {
  at::Tensor image;              // [H, W, 3] uint8
  at::Tensor truth, prediction;  // [H, W] bool; an undefined truth leaves its panel out
  std::string caption;           // "ct: lungs, Dice 0.91"; letters beyond ASCII are shown as '?'
  at::Tensor ignore = {};        // [H, W] bool: shown dark in the panels of masks; undefined: none
};

// Image, truth and prediction side by side under a caption, [h, w, 3] uint8; enlarged by a whole factor until the shorter side
// of a panel has at least `shortest_side` pixels. UsageError if the shapes do not agree.
inline constexpr std::int64_t shortest_side = 256;
at::Tensor draw_overlay(const OverlayCase& shown);

// Pictures of any size stacked into one, [h, w, 3] uint8, each scaled to the width of the narrowest.
at::Tensor contact_sheet(const std::vector<at::Tensor>& pictures);

}  // namespace sam3lab
