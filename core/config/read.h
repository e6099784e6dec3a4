// Experiment file -> Experiment. Every fault of the file, its parents and the overrides is reported at once, as one UsageError.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/catalogue.h"
#include "core/config/experiment.h"

namespace sam3lab {

struct ReadRequest {
  std::filesystem::path file;
  std::vector<std::string> sets;  // "train.steps=10": the value as TOML writes it, quotes may be left out of a plain word
};

// One Experiment for each cell of [grid], the axes in alphabetical order (the last one varies fastest); one without a grid.
// An override of a grid key replaces that axis.
std::vector<Experiment> read_cells(const ReadRequest& request, const Catalogue& catalogue);

// For commands that run one cell: a grid of several is refused.
Experiment read_experiment(const ReadRequest& request, const Catalogue& catalogue);

}  // namespace sam3lab
