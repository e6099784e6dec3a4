// The commands of the program. Each command has its own file; program.cpp has the table of all.
#pragma once
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace sam3lab {

class Registry;

// Passed to each command: the global options, and the registry, which loads the plugins when it is first called.
struct Context {
  std::vector<std::string> plugin_files;  // --plugin
  bool quiet = false;                     // no progress
  bool json = false;                      // machine-readable output
  std::function<const Registry&()> registry;
};

using Arguments = std::vector<std::string>;

struct Command {
  std::string_view name;
  std::string_view summary;                                        // one line of `sam3lab --help`
  std::string_view usage;                                          // "list [SLOT] [--json]"
  int (*run)(const Context& context, const Arguments& arguments);  // returns the exit code, or throws Error
};

// To add a command: define `extern const Command NAME_command` in NAME.cpp, declare it here, and list it in program.cpp.
extern const Command convert_command, doctor_command, explain_command, inspect_command, list_command, plan_command,
    predict_command, report_command, run_command, tokenize_command, trace_command, verify_command, version_command;

// All commands, for help and suggestions.
[[nodiscard]] const std::vector<const Command*>& all_commands();

}  // namespace sam3lab
