// sam3lab plan FILE [--set a.b=v]... [--json]
#include <iostream>

#include "core/cli/experiment_arguments.h"
#include "core/cli/plan_output.h"
#include "core/registry/registry.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;

int run_plan(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("file", po::value<std::string>(), "an experiment (.toml)")(
      "set", po::value<std::vector<std::string>>()->composing(), "KEY=VALUE: overrides the file, repeatable")(
      "out", po::value<std::string>(), "folder of the results, where earlier times are looked up; default: results/NAME");
  po::positional_options_description positions;
  positions.add("file", 1);
  const auto values = parse_arguments(plan_command, arguments, options, positions);
  if (!values) return 0;
  const auto experiments = read_experiments(plan_command, context, *values);
  Planner planner(context.registry());
  std::vector<CellPlan> cells;
  for (const auto& experiment : experiments)
    cells.push_back(planner.plan(experiment, result_folder(experiment, *values).string()));
  std::cout << (context.json ? plan_json(cells) + "\n" : plan_text(cells));
  return 0;
}

}  // namespace

extern const Command plan_command = {"plan", "what an experiment would train, read and cost; runs nothing",
                                     "plan FILE [--set a.b=v]... [--out DIR] [--json]", run_plan};

}  // namespace sam3lab
