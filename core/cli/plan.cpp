// sam3lab plan FILE [--set a.b=v]... [--json]
#include <iostream>

#include <sam3lab/api/error.h>

#include "core/cli/arguments.h"
#include "core/cli/plan_output.h"
#include "core/config/read.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

int run(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(), "an experiment (.toml)")(
      "set", po::value<std::vector<std::string>>()->composing(), "KEY=VALUE: overrides the file, repeatable")(
      "out", po::value<std::string>(), "folder of the results, where earlier times are looked up; default: results/NAME");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(plan_command, arguments, options, positions);
  if (!values) return 0;
  if (values->count("file") == 0)
    throw UsageError(Fault{"sam3lab plan", "no experiment given", "", "", "usage: sam3lab plan FILE"});
  ReadRequest request{(*values)["file"].as<std::string>(), {}};
  if (values->count("set") != 0) request.sets = (*values)["set"].as<std::vector<std::string>>();
  const auto experiments = read_cells(request, context.registry().catalogue());
  Planner planner(context.registry());
  std::vector<CellPlan> cells;
  for (const auto& experiment : experiments) {
    const auto& folder = experiment.record.folder;
    cells.push_back(planner.plan(experiment, values->count("out") != 0 ? (*values)["out"].as<std::string>()
                                             : folder.empty()          ? "results/" + experiment.name
                                                                       : folder));
  }
  std::cout << (context.json ? plan_json(cells) + "\n" : plan_text(cells));
  return 0;
}

}  // namespace

extern const Command plan_command = {"plan", "what an experiment would train, read and cost; runs nothing",
                                     "plan FILE [--set a.b=v]... [--out DIR] [--json]", run};

}  // namespace sam3lab
