// What `sam3lab verify` finds.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sam3lab {

// error: a result on these data would be wrong, or a run would stop; warning: look at it; note: for the record.
enum class Severity { error, warning, note };

struct Finding {
  Severity severity = Severity::error;
  std::string check;                  // of the list in docs/howto/verify.md: "pairs", "duplicate_leak", ...
  std::vector<std::string> datasets;  // one or two
  std::string text;                   // one sentence
  std::int64_t count = 1;             // how often it was seen
  std::vector<std::string> examples;  // the first of them: ids, or messages that name a file
};

inline constexpr std::size_t most_examples = 20;  // of one finding

inline const char* name_of(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

}  // namespace sam3lab
