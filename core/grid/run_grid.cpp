#include "core/grid/run_grid.h"

#include <chrono>
#include <numeric>
#include <thread>

#include <fmt/format.h>

namespace sam3lab {

std::string GridCell::label() const {
  std::string text;
  for (const auto& [key, value] : experiment->cell)
    text += key == "variant" ? fmt::format("variant {}, ", value) : fmt::format("{} = {}, ", key, value);
  return text + fmt::format("seed {}", seed);
}

std::vector<GridCell> grid_cells(const std::vector<Experiment>& experiments) {
  std::vector<GridCell> cells;
  for (const Experiment& experiment : experiments) {
    for (const std::int64_t seed : experiment.seeds) cells.push_back({&experiment, seed});
  }
  return cells;
}

std::vector<CellReport> run_grid(const std::vector<GridCell>& cells, const Registry& registry, const GridRequest& request) {
  constexpr auto pause = std::chrono::seconds(1);  // before held cells are looked at again
  std::vector<CellReport> reports(cells.size());
  const auto* interrupted = request.cell.interrupted;
  const auto stop = [&] { return interrupted != nullptr && *interrupted; };
  std::vector<std::size_t> left(cells.size());
  std::iota(left.begin(), left.end(), 0U);
  while (!left.empty()) {
    std::vector<std::size_t> held;
    for (const std::size_t i : left) {
      if (stop()) return reports;
      const bool first = reports[i].state == CellState::waiting;
      if (first && request.begins) request.begins(i);
      RunRequest one = request.cell;
      one.folder = request.folder(*cells[i].experiment);
      CellProcess process(*cells[i].experiment, cells[i].seed, registry, one);
      reports[i] = process.wait(interrupted);
      if (reports[i].state == CellState::held) held.push_back(i);
      if (request.ends && (first || reports[i].state != CellState::held)) request.ends(i, reports[i]);
      if (reports[i].state == CellState::interrupted) return reports;
    }
    if (held.size() == left.size()) std::this_thread::sleep_for(pause);
    left = std::move(held);
  }
  return reports;
}

}  // namespace sam3lab
