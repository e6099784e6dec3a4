#include "core/cli/experiment_arguments.h"

#include <string>

#include <sam3lab/api/error.h>

#include "core/config/read.h"
#include "core/registry/registry.h"

namespace sam3lab {

std::vector<Experiment> read_experiments(const Command& command, const Context& context,
                                         const boost::program_options::variables_map& values) {
  const std::string name = "sam3lab " + std::string(command.name);
  if (values.count("file") == 0) throw UsageError(Fault{name, "no experiment given", "", "", "usage: " + name + " FILE"});
  ReadRequest request{values["file"].as<std::string>(), {}};
  if (values.count("set") != 0) request.sets = values["set"].as<std::vector<std::string>>();
  return read_cells(request, context.registry().catalogue());
}

std::filesystem::path result_folder(const Experiment& experiment, const boost::program_options::variables_map& values) {
  if (values.count("out") != 0) return values["out"].as<std::string>();
  if (!experiment.record.folder.empty()) return experiment.record.folder;
  return std::filesystem::path("results") / experiment.name;
}

}  // namespace sam3lab
