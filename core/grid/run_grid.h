// Every cell of an experiment with every seed, one after another. A cell that fails is reported and passed over; a finished one
// is found again by its identity.
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

// In the order of the experiments; the seed varies fastest. Points into `experiments`.
std::vector<GridCell> grid_cells(const std::vector<Experiment>& experiments);

struct GridRequest {
  RunRequest cell;                                                       // for each; its folder is replaced
  std::function<std::filesystem::path(const Experiment&)> folder;        // of a cell's result
  std::function<void(std::size_t cell)> begins;                          // may be empty
  std::function<void(std::size_t cell, const CellReport& report)> ends;  // may be empty
};

// One report per cell. Cells that another launcher works on are passed over, and looked at again when the others are done,
// until their holder has ended: two launchers of one grid share its cells. After an interruption the cells that did not start
// are `waiting`.
std::vector<CellReport> run_grid(const std::vector<GridCell>& cells, const Registry& registry, const GridRequest& request);

}  // namespace sam3lab
