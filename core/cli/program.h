// The whole program as one function: global options, the table of commands, and exit codes.
#pragma once
#include "core/cli/command.h"

namespace sam3lab {

// Runs `sam3lab ARGUMENTS...` in this process and returns its exit code. Results go to std::cout and errors to std::cerr;
// throws nothing.
[[nodiscard]] int run_program(const Arguments& arguments);

}  // namespace sam3lab
