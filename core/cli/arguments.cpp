#include "core/cli/arguments.h"

#include <iostream>

#include <sam3lab/api/error.h>

#include "core/base/text.h"

namespace sam3lab {
namespace po = boost::program_options;
namespace {

std::string suggestion(const std::string& given, const po::options_description& options) {
  std::vector<std::string> known = {"--help", "--json", "--plugin", "--quiet"};
  for (const auto& option : options.options()) {
    if (!option->long_name().empty()) known.push_back("--" + option->long_name());
  }
  return did_you_mean(given, known);
}

// Boost reports surplus positional values under an empty name.
po::parsed_options parse(const Arguments& arguments, const po::options_description& options,
                         const po::positional_options_description& positions) {
  using namespace po::command_line_style;
  const int style = unix_style & ~allow_guessing;
  po::command_line_parser parser(arguments);
  parser.options(options).positional(positions).style(style);
  return parser.run();
}

}  // namespace

std::optional<po::variables_map> parse_arguments(const Command& command, const Arguments& arguments,
                                                 const po::options_description& options,
                                                 const po::positional_options_description& positions) {
  const std::string where = "sam3lab " + std::string(command.name);
  const std::string usage = "sam3lab " + std::string(command.usage);
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument != "--help" && argument != "-h") continue;
    std::cout << command.summary << "\n\nusage: " << usage << "\n";
    if (!options.options().empty()) std::cout << "\n" << options;
    return std::nullopt;
  }
  try {
    po::variables_map values;
    po::store(parse(arguments, options, positions), values);
    po::notify(values);
    return values;
  } catch (const po::unknown_option& error) {
    const std::string given = error.get_option_name(), guess = suggestion(given, options);
    throw UsageError(
        Fault{where, "unknown option " + shorten(given), "", "", (guess.empty() ? "" : guess + " ") + "usage: " + usage});
  } catch (const po::error& error) {
    throw UsageError(Fault{where, error.what(), "", "", "usage: " + usage});
  }
}

}  // namespace sam3lab
