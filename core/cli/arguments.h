// A command's own options, read with Boost.ProgramOptions.
#pragma once
#include <optional>

#include <boost/program_options.hpp>

#include "core/cli/command.h"

namespace sam3lab {

// Nothing if --help was asked for and printed. An unknown option, a missing or a surplus value is a UsageError.
// Options are not abbreviated: a script that uses an abbreviation would break when an option is added.
std::optional<boost::program_options::variables_map> parse_arguments(
    const Command& command, const Arguments& arguments, const boost::program_options::options_description& options,
    const boost::program_options::positional_options_description& positions = {});

}  // namespace sam3lab
