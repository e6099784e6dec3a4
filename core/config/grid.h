// What makes several cells of one file: [grid] with dotted key -> list of values, and [variant.NAME] with a few settings that
// belong together. A cell takes one point of each axis; the variants are one axis.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/tree.h"

namespace sam3lab {

inline constexpr std::size_t most_cells = 1024;

struct Point {
  Tree layer;        // to lay over the experiment
  std::string text;  // the value as TOML writes it, or the variant's name
};

struct Axis {
  std::string name, where;  // "train.steps", or "variant"
  std::vector<Point> points;
};

struct CellLayer {
  Tree layer;
  std::vector<std::pair<std::string, std::string>> settings;
};

// Takes [grid] and [variant] out of `tree`; [variant] first, then the keys in alphabetical order. An axis at, above or below a
// key of `overrides` is left out: the command line decides it. An override of `variant` names those that are to run; it is
// taken out of `overrides`.
std::vector<Axis> take_axes(Tree& tree, Tree& overrides, std::vector<Fault>& faults);

// All combinations, the last axis varying fastest; one empty cell without axes. More than `most_cells` is a fault.
std::vector<CellLayer> cells_of(const std::vector<Axis>& axes, const std::string& where, std::vector<Fault>& faults);

}  // namespace sam3lab
