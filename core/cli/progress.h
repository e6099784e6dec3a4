// Progress on stderr: one line that is rewritten on a terminal, a plain line every few seconds otherwise.
#pragma once
#include <chrono>
#include <string>

#include "core/run/run_cell.h"

namespace sam3lab {

class ProgressPrinter {
 public:
  explicit ProgressPrinter(bool quiet);
  void show(const Progress& progress);
  void end();  // leaves the last line standing

 private:
  bool quiet_, terminal_, open_ = false;
  std::string phase_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace sam3lab
