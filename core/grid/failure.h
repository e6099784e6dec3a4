// The one place where exceptions become a text and an exit code.
#pragma once
#include <exception>
#include <string>

#include <sam3lab/api/error.h>

namespace sam3lab {

struct Failure {
  std::string text;
  ExitCode code = ExitCode::done;
};
// Of an exception that was caught, whatever its type.
Failure failure_of(const std::exception_ptr& exception);

}  // namespace sam3lab
