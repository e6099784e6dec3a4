// Converts exceptions to a text and an exit code. This is the only place that does so.
#pragma once
#include <exception>
#include <string>

#include <sam3lab/api/error.h>

namespace sam3lab {

struct Failure {
  std::string text;
  ExitCode code = ExitCode::done;
};
// `exception`: a caught exception of any type.
Failure failure_of(const std::exception_ptr& exception);

}  // namespace sam3lab
