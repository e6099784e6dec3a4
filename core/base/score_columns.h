// Names of the columns of scores, which a result has and a metric must therefore not take.
#pragma once
#include <array>
#include <string_view>

namespace sam3lab::layout {

// Columns of /eval/<dataset>/scores that every result has; the others are metrics.
inline constexpr std::array<std::string_view, 12> score_columns = {
    "stage",          "item",    "label",      "prompt", "subject",     "volume",
    "slice_position", "present", "confidence", "fired",  "true_pixels", "predicted_pixels"};

// Behind the name of a metric: of which mask of a prompt it is, if not of its own.
inline constexpr std::string_view ungated_suffix = "_ungated", merged_suffix = "_merged";

}  // namespace sam3lab::layout
