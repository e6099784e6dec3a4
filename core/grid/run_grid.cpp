#include "core/grid/run_grid.h"

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
  std::vector<CellReport> reports(cells.size());
  const auto* interrupted = request.cell.interrupted;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (interrupted != nullptr && *interrupted) break;
    if (request.begins) request.begins(i);
    RunRequest one = request.cell;
    one.folder = request.folder(*cells[i].experiment);
    CellProcess process(*cells[i].experiment, cells[i].seed, registry, one);
    reports[i] = process.wait(interrupted);
    if (request.ends) request.ends(i, reports[i]);
    if (reports[i].state == CellState::interrupted) break;
  }
  return reports;
}

}  // namespace sam3lab
