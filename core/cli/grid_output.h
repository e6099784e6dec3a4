// What `run` says of a grid.
#pragma once
#include <string>
#include <vector>

#include "core/grid/run_grid.h"

namespace sam3lab {

struct GridCount {
  std::size_t cells = 0, done = 0, skipped = 0, failed = 0;
  bool interrupted = false;
  explicit GridCount(const std::vector<CellReport>& reports);
  [[nodiscard]] ExitCode code() const;
  [[nodiscard]] std::string line() const;  // "cells=6 done=5 skipped=0 failed=1"
};

// A row per cell with its state and scores, the errors of those that failed, then the comparison of all finished results.
// `metric`: the one that stands first; cells that do not have it are shown by the first metric of the first cell with a result.
std::string grid_table(const std::vector<GridCell>& cells, const std::vector<CellReport>& reports, const std::string& metric);
// {"cells": [{"settings", "seed", "state", "result", "error", "code", "seconds", "summary"}], "done", "skipped", "failed"}
std::string grid_json(const std::vector<GridCell>& cells, const std::vector<CellReport>& reports, const std::string& metric);

}  // namespace sam3lab
