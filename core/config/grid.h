// [grid]: dotted key -> list of values. A cell takes one value of each axis.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/tree.h"

namespace sam3lab {

inline constexpr std::size_t most_cells = 1024;

struct Axis {
  KeyPath key;
  std::string name, where;
  std::filesystem::path folder;
  std::vector<Value> values;
};

struct Cell {
  Tree layer;  // to lay over the experiment
  std::vector<std::pair<std::string, std::string>> settings;
};

// Takes [grid] out of `tree`. An axis at, above or below a key of `overrides` is left out: the command line decides it.
std::vector<Axis> take_axes(Tree& tree, const Tree& overrides, std::vector<Fault>& faults);

// All combinations, the last axis varying fastest; one empty cell without axes. More than `most_cells` is a fault.
std::vector<Cell> cells_of(const std::vector<Axis>& axes, const std::string& where, std::vector<Fault>& faults);

}  // namespace sam3lab
