// What the commands that take an experiment file have in common.
#pragma once
#include <filesystem>
#include <vector>

#include "core/cli/arguments.h"
#include "core/config/experiment.h"

namespace sam3lab {

// Every cell of the experiment that the values of `file` and `set` name; UsageError if there is no file.
std::vector<Experiment> read_experiments(const Command& command, const Context& context,
                                         const boost::program_options::variables_map& values);

// Where its results go: --out, else [record] folder, else results/NAME below the current folder.
std::filesystem::path result_folder(const Experiment& experiment, const boost::program_options::variables_map& values);

}  // namespace sam3lab
