// sam3lab version [--json]
#include <iostream>

#include <nlohmann/json.hpp>

#include <sam3lab/stamp.h>

#include "core/cli/arguments.h"

namespace sam3lab {
namespace {

int run_version(const Context& context, const Arguments& arguments) {
  if (!parse_arguments(version_command, arguments, boost::program_options::options_description())) return 0;
  if (context.json) {
    std::cout << nlohmann::ordered_json{{"version", SAM3LAB_VERSION}, {"stamp", SAM3LAB_STAMP}}.dump(2) << "\n";
  } else {
    std::cout << "sam3lab " << SAM3LAB_VERSION << " (" << SAM3LAB_STAMP << ")\n";
  }
  return 0;
}

}  // namespace

extern const Command version_command = {"version", "version and stamp of the program", "version [--json]", run_version};

}  // namespace sam3lab
