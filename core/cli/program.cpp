#include "core/cli/program.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

#include <sam3lab/api/error.h>

#include "core/base/text.h"
#include "core/grid/failure.h"
#include "core/registry/registry.h"

namespace sam3lab {

const std::vector<const Command*>& all_commands() {
  static const std::vector<const Command*> commands = {
      &run_command,     &plan_command,    &verify_command,   &report_command, &predict_command,
      &inspect_command, &convert_command, &tokenize_command, &trace_command,  &list_command,
      &explain_command, &doctor_command,  &version_command,
  };
  return commands;
}

namespace {

void print_help(std::ostream& out) {
  out << "Fine-tunes and evaluates SAM3 for medical image segmentation.\n\nusage: sam3lab COMMAND ...   (sam3lab COMMAND "
         "--help says more)\n\n";
  std::size_t width = 0;
  for (const Command* command : all_commands()) width = std::max(width, command->name.size());
  for (const Command* command : all_commands()) {
    out << "  " << command->name << std::string(width + 2 - command->name.size(), ' ') << command->summary << "\n";
  }
  out << "\nfor every command\n"
         "  --plugin FILE  load this plugin too (repeatable); SAM3LAB_PLUGIN_PATH names folders of plugins\n"
         "  --quiet        no progress\n"
         "  --json         machine-readable output\n"
         "  --help         this text, or that of a command\n\n"
         "exit codes: 0 done, 2 usage or configuration, 3 data, 4 part of a grid failed, 5 numeric or out of memory, 130 "
         "interrupted\n";
}

// Removes the global options from `arguments`, at any position before a "--".
Arguments take_globals(const Arguments& arguments, Context& context) {
  Arguments rest;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      rest.insert(rest.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      break;
    }
    if (argument == "--quiet") {
      context.quiet = true;
    } else if (argument == "--json") {
      context.json = true;
    } else if (argument.starts_with("--plugin=")) {
      context.plugin_files.push_back(argument.substr(9));
    } else if (argument == "--plugin") {
      if (i + 1 == arguments.size()) throw UsageError(Fault{"--plugin", "names no file", "", "a shared library", ""});
      context.plugin_files.push_back(arguments[++i]);
    } else {
      rest.push_back(argument);
    }
  }
  return rest;
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> known;
  for (const Command* command : all_commands()) {
    if (command->name == name) return *command;
    known.emplace_back(command->name);
  }
  throw UsageError(
      Fault{"sam3lab", "unknown command '" + shorten(name) + "'; known: " + join(known), "", "", did_you_mean(name, known)});
}

int dispatch(const Arguments& given) {
  Context context;
  std::optional<Registry> registry;
  context.registry = [&context, &registry]() -> const Registry& {
    if (!registry) registry.emplace(default_sources(context.plugin_files));
    return *registry;
  };
  Arguments arguments = take_globals(given, context);
  if (arguments.empty()) {
    print_help(std::cerr);
    return static_cast<int>(ExitCode::usage);
  }
  std::string name = arguments.front();
  arguments.erase(arguments.begin());
  if (name == "--help" || name == "-h" || name == "help") {
    if (arguments.empty()) {
      print_help(std::cout);
      return 0;
    }
    name = arguments.front();
    arguments = {"--help"};
  }
  if (name == "--version") name = "version";
  return find_command(name).run(context, arguments);
}

int report(const std::string& text, ExitCode code) {
  std::cout.flush();
  std::cerr << text << std::endl;
  return static_cast<int>(code);
}

}  // namespace

int run_program(const Arguments& arguments) {
  try {
    const int code = dispatch(arguments);
    std::cout.flush();
    if (!std::cout) return report("standard output: cannot be written; is the disk full?", ExitCode::data);
    return code;
  } catch (...) {
    const Failure failure = failure_of(std::current_exception());
    return report(failure.text, failure.code);
  }
}

}  // namespace sam3lab
