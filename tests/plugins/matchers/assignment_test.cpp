// The assignment solver against trying out everything.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <sam3lab/api/random.h>

#include "plugins/matchers/hungarian/assignment.h"

namespace sam3lab::assignment_test {
using namespace matchers::hungarian;
namespace {

// Cost of the best of all assignments of rows to different columns, rows <= columns.
double best_by_trying(const std::vector<double>& cost, std::size_t rows, std::size_t columns) {
  std::vector<std::size_t> order(columns);
  std::iota(order.begin(), order.end(), std::size_t{0});
  double best = std::numeric_limits<double>::infinity();
  do {
    double total = 0.0;
    for (std::size_t r = 0; r < rows; ++r) total += cost[r * columns + order[r]];
    best = std::min(best, total);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

std::vector<double> transposed(const std::vector<double>& cost, std::size_t rows, std::size_t columns) {
  std::vector<double> result(cost.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) result[c * rows + r] = cost[r * columns + c];
  }
  return result;
}

void expect_valid(const Assignment& assignment, std::size_t rows, std::size_t columns) {
  std::set<std::int64_t> used_rows, used_columns;
  for (const auto& [row, column] : assignment.pairs) {
    EXPECT_TRUE(used_rows.insert(row).second && row >= 0 && row < static_cast<std::int64_t>(rows));
    EXPECT_TRUE(used_columns.insert(column).second && column >= 0 && column < static_cast<std::int64_t>(columns));
  }
  EXPECT_EQ(assignment.pairs.size(), std::min(rows, columns));
}

TEST(Assignment, IsAsCheapAsTheBestOfAll) {
  Random random(1, "assignment");
  for (int trial = 0; trial < 400; ++trial) {
    const std::size_t rows = 1 + random.below(5), columns = rows + random.below(3);
    std::vector<double> cost(rows * columns);
    // Half of the trials with few different values: ties, negative numbers and zeros.
    for (auto& value : cost) value = trial % 2 == 0 ? random.normal() : std::floor(random.uniform() * 4.0) - 1.0;
    const auto wide = solve_assignment(cost, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns));
    const auto tall =
        solve_assignment(transposed(cost, rows, columns), static_cast<std::int64_t>(columns), static_cast<std::int64_t>(rows));
    expect_valid(wide, rows, columns);
    expect_valid(tall, columns, rows);
    const double best = best_by_trying(cost, rows, columns);
    EXPECT_NEAR(wide.cost, best, 1e-12);
    EXPECT_NEAR(tall.cost, best, 1e-12);
  }
}

TEST(Assignment, TakesTheDiagonalOfALargeMatrixThatAsksForIt) {
  const std::size_t size = 200;
  Random random(2, "assignment");
  std::vector<double> cost(size * size);
  for (auto& value : cost) value = 1.0 + random.uniform();
  for (std::size_t i = 0; i < size; ++i) cost[i * size + (i * 7) % size] = 0.0;  // 7 and 200 share no divisor
  const auto result = solve_assignment(cost, size, size);
  EXPECT_DOUBLE_EQ(result.cost, 0.0);
  for (const auto& [row, column] : result.pairs) EXPECT_EQ(column, row * 7 % 200);
}

TEST(Assignment, OfNothingIsNothing) {
  EXPECT_TRUE(solve_assignment({}, 0, 5).pairs.empty());
  EXPECT_TRUE(solve_assignment({}, 5, 0).pairs.empty());
}

}  // namespace
}  // namespace sam3lab::assignment_test
