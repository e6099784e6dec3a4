// Experiment file -> Experiment. Every fault of the file, its parents and the overrides is reported at once, as one UsageError.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/config/catalogue.h"
#include "core/config/experiment.h"

namespace sam3lab {

struct ReadRequest {
  std::filesystem::path file;
  std::vector<std::string> sets;  // "train.steps=10": the value as TOML writes it, quotes may be left out of a plain word
  bool data_alone = false;        // a file that has data and no model will do: for commands that look at data
};

// One Experiment for each cell of [variant] and [grid]: the variants first, then the keys of the grid in alphabetical order,
// the last of which varies fastest. One Experiment without them. An override of a grid key replaces that axis, and of a
// variant's key that part of every variant; --set variant=NAME picks, --set extends=FILE replaces the file's own parents.
std::vector<Experiment> read_cells(const ReadRequest& request, const Catalogue& catalogue);

// For commands that run one cell: a grid of several is refused.
Experiment read_experiment(const ReadRequest& request, const Catalogue& catalogue);

// The [backbone] of an experiment, and nothing else of it: for commands that need a model alone. What other tables say is not
// checked; a grid over the model is refused unless `sets` decides it, and so is an override of anything but the model.
struct BackboneRequest {
  std::filesystem::path file;       // where the experiment is, or comes from; empty: `sets` alone
  std::optional<std::string> text;  // its text, where it is no file (the resolved experiment of a record)
  std::vector<std::string> sets;
};
PluginChoice read_backbone(const BackboneRequest& request, const Catalogue& catalogue);

}  // namespace sam3lab
