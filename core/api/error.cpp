#include <sam3lab/api/error.h>

namespace sam3lab {
namespace {

std::string join(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) {
    if (!text.empty()) text += '\n';
    text += fault.text();
  }
  return text;
}

}  // namespace

std::string Fault::text() const {
  std::string line = where;
  if (!what.empty()) line += (line.empty() ? "" : ": ") + what;
  std::string values;
  if (!got.empty()) values = "got " + got;
  if (!expected.empty()) values += (values.empty() ? "expected " : ", expected ") + expected;
  for (const std::string& part : {values, fix}) {
    if (!part.empty()) line += (line.empty() ? "" : "; ") + part;
  }
  return line;
}

Error::Error(ExitCode code, const Fault& fault) : std::runtime_error(fault.text()), code_(code) {}
Error::Error(ExitCode code, const std::vector<Fault>& faults) : std::runtime_error(join(faults)), code_(code) {}
Error::Error(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
Error::~Error() = default;
UsageError::~UsageError() = default;
DataError::~DataError() = default;
NumericError::~NumericError() = default;

}  // namespace sam3lab
