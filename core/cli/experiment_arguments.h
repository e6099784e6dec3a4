// Shared by the commands that take an experiment file.
#pragma once
#include <filesystem>
#include <vector>

#include "core/cli/arguments.h"
#include "core/config/experiment.h"

namespace sam3lab {

// Reads the experiment `file` with the overrides `set` and returns all its cells. UsageError if no file is given.
std::vector<Experiment> read_experiments(const Command& command, const Context& context,
                                         const boost::program_options::variables_map& values);

// The folder for results: --out, or [record] folder, or results/NAME in the current folder.
std::filesystem::path result_folder(const Experiment& experiment, const boost::program_options::variables_map& values);

}  // namespace sam3lab
