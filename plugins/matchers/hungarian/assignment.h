// The linear assignment problem.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace sam3lab::matchers::hungarian {

struct Assignment {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;  // (row, column), by row; min(rows, columns) of them
  double cost = 0.0;                                         // sum over the pairs
};

// The assignment of least total cost. `cost` is row-major and has rows * columns finite values. Each row and column is used at
// most once. Method: shortest augmenting paths with potentials (Jonker and Volgenant 1987) in the rectangular form of Crouse
// (2016, algorithm 1). Time: O(min(rows, columns)^2 * max(rows, columns)).
Assignment solve_assignment(std::span<const double> cost, std::int64_t rows, std::int64_t columns);

}  // namespace sam3lab::matchers::hungarian
