#include "plugins/matchers/hungarian/assignment.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sam3lab::matchers::hungarian {
namespace {

constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

// Assigns each agent (the shorter side) to a different task, one agent at a time along a cheapest augmenting path. The
// potentials keep all reduced costs at or above 0, which Dijkstra's search needs.
class Solver {
 public:
  Solver(std::span<const double> cost, std::size_t agents, std::size_t tasks, bool transposed)
      : cost_(cost),
        agents_(agents),
        tasks_(tasks),
        transposed_(transposed),
        agent_potential_(agents, 0.0),
        task_potential_(tasks, 0.0),
        task_of_(agents, nobody),
        agent_of_(tasks, nobody) {}

  const std::vector<std::size_t>& run() {
    for (std::size_t agent = 0; agent < agents_; ++agent) augment(agent);
    return task_of_;
  }

 private:
  [[nodiscard]] double cost(std::size_t agent, std::size_t task) const {
    return transposed_ ? cost_[task * agents_ + agent] : cost_[agent * tasks_ + task];
  }

  void augment(std::size_t start) {
    std::vector<double> distance(tasks_, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> previous(tasks_, nobody);
    std::vector<char> settled(tasks_, 0);
    std::vector<std::size_t> visited{start};
    double reached = 0.0;
    std::size_t agent = start, end = nobody;
    while (end == nobody) {
      std::size_t next = nobody;
      for (std::size_t task = 0; task < tasks_; ++task) {
        if (settled[task] != 0) continue;
        const double through = reached + cost(agent, task) - agent_potential_[agent] - task_potential_[task];
        if (through < distance[task]) {
          distance[task] = through;
          previous[task] = agent;
        }
        // Among tasks of equal cost, prefer a free one: it ends the path.
        if (next == nobody || distance[task] < distance[next] ||
            (distance[task] == distance[next] && agent_of_[task] == nobody && agent_of_[next] != nobody)) {
          next = task;
        }
      }
      settled[next] = 1;
      reached = distance[next];
      if (agent_of_[next] == nobody) {
        end = next;
      } else {
        agent = agent_of_[next];
        visited.push_back(agent);
      }
    }
    for (const std::size_t seen : visited) {
      agent_potential_[seen] += seen == start ? reached : reached - distance[task_of_[seen]];
    }
    for (std::size_t task = 0; task < tasks_; ++task) {
      if (settled[task] != 0) task_potential_[task] -= reached - distance[task];
    }
    for (std::size_t task = end; task != nobody;) {
      const std::size_t owner = previous[task];
      agent_of_[task] = owner;
      std::swap(task_of_[owner], task);
      if (owner == start) break;
    }
  }

  std::span<const double> cost_;
  std::size_t agents_, tasks_;
  bool transposed_;
  std::vector<double> agent_potential_, task_potential_;
  std::vector<std::size_t> task_of_, agent_of_;
};

}  // namespace

Assignment solve_assignment(std::span<const double> cost, std::int64_t rows, std::int64_t columns) {
  Assignment result;
  if (rows == 0 || columns == 0) return result;
  const bool transposed = rows > columns;
  const auto agents = static_cast<std::size_t>(std::min(rows, columns)),
             tasks = static_cast<std::size_t>(std::max(rows, columns));
  Solver solver(cost, agents, tasks, transposed);
  const auto& task_of = solver.run();
  for (std::size_t agent = 0; agent < agents; ++agent) {
    const auto a = static_cast<std::int64_t>(agent), t = static_cast<std::int64_t>(task_of[agent]);
    result.pairs.emplace_back(transposed ? t : a, transposed ? a : t);
  }
  std::sort(result.pairs.begin(), result.pairs.end());
  for (const auto& [row, column] : result.pairs) result.cost += cost[static_cast<std::size_t>(row * columns + column)];
  return result;
}

}  // namespace sam3lab::matchers::hungarian
