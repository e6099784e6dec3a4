// Names that the writer and the reader of a result share. What they mean: results/README.md.
#pragma once
#include <string_view>

#include "core/base/score_columns.h"

namespace sam3lab::layout {

inline constexpr std::string_view format = "sam3lab-run";
inline constexpr int version = 3;

inline constexpr std::string_view term_prefix = "term/";

}  // namespace sam3lab::layout
