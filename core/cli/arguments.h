// Parses the options of a command with Boost.ProgramOptions.
#pragma once
#include <optional>

#include <boost/program_options.hpp>

#include "core/cli/command.h"

namespace sam3lab {

// Empty if --help was given: the help has then been printed. UsageError for an unknown option, a missing or a surplus value.
// Options cannot be abbreviated: a script with an abbreviation would break when an option is added.
std::optional<boost::program_options::variables_map> parse_arguments(
    const Command& command, const Arguments& arguments, const boost::program_options::options_description& options,
    const boost::program_options::positional_options_description& positions = {});

}  // namespace sam3lab
