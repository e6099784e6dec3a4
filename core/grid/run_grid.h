// Runs all cells of an experiment with all seeds, one after another. After a failed cell the next one runs. A cell whose result
// exists already (by its identity) is skipped.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/grid/cell_process.h"

namespace sam3lab {

struct GridCell {
  const Experiment* experiment = nullptr;
  std::int64_t seed = 0;
  [[nodiscard]] std::string label() const;  // "variant a, train.steps = 3, seed 1"
};

// The cells in the order of the experiments; the seed varies fastest. The result points into `experiments`.
std::vector<GridCell> grid_cells(const std::vector<Experiment>& experiments);

struct GridRequest {
  RunRequest cell;                                                       // for each cell; its folder is replaced
  std::function<std::filesystem::path(const Experiment&)> folder;        // of a cell's result
  std::function<void(std::size_t cell)> begins;                          // may be empty
  std::function<void(std::size_t cell, const CellReport& report)> ends;  // may be empty
};

// Returns one report per cell. A cell that another launcher runs is skipped, and looked at again after the other cells, until
// that launcher has ended: two launchers of one grid share its cells. After an interruption, the cells that did not start are
// `waiting`.
std::vector<CellReport> run_grid(const std::vector<GridCell>& cells, const Registry& registry, const GridRequest& request);

}  // namespace sam3lab
