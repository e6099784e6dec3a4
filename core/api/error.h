// Every refusal of the program. A message reads `where: what; got X, expected Y; how to fix`.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sam3lab/api/export.h>

namespace sam3lab {

enum class ExitCode : int { done = 0, usage = 2, data = 3, partial = 4, numeric = 5, interrupted = 130 };

// One thing that is wrong. Empty parts are left out of the text.
struct Fault {
  std::string where;     // "experiments/a.toml:14", "image.nii.gz", "--set train.steps"
  std::string what;      // "unknown key loss.smoth for 'dice'"
  std::string got;       // "-3"
  std::string expected;  // "a number of at least 0"
  std::string fix;       // "did you mean 'smooth'?"
  [[nodiscard]] SAM3LAB_API std::string text() const;
};

// Base of all errors that end a command; `code` is what the program exits with.
class SAM3LAB_API Error : public std::runtime_error {
 public:
  Error(ExitCode code, const Fault& fault);
  Error(ExitCode code, const std::vector<Fault>& faults);  // one line each
  Error(ExitCode code, const std::string& text);
  ~Error() override;
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// Command line, experiment file, plugin: exit 2.
class SAM3LAB_API UsageError : public Error {
 public:
  explicit UsageError(const Fault& fault) : Error(ExitCode::usage, fault) {}
  explicit UsageError(const std::vector<Fault>& faults) : Error(ExitCode::usage, faults) {}
  ~UsageError() override;
};

// Missing or unreadable image, checkpoint or result; data that contradict themselves: exit 3.
class SAM3LAB_API DataError : public Error {
 public:
  explicit DataError(const Fault& fault) : Error(ExitCode::data, fault) {}
  explicit DataError(const std::vector<Fault>& faults) : Error(ExitCode::data, faults) {}
  ~DataError() override;
};

// NaN or infinity where a number is needed, or no memory left: exit 5.
class SAM3LAB_API NumericError : public Error {
 public:
  explicit NumericError(const Fault& fault) : Error(ExitCode::numeric, fault) {}
  ~NumericError() override;
};

}  // namespace sam3lab
