// Suggestions for a mistyped name.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

// "did you mean 'a', 'b' or 'c'?", the nearest of `known` to a mistyped word; empty where none is near.
SAM3LAB_API std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace sam3lab
