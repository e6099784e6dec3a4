#include "core/cli/progress.h"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

namespace sam3lab {
namespace {

std::string minutes(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

ProgressPrinter::ProgressPrinter(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressPrinter::show(const Progress& progress) {
  if (quiet_) return;
  const auto now = std::chrono::steady_clock::now();
  const bool last = progress.done >= progress.all, first = progress.phase != phase_;
  const double pause = terminal_ ? 0.2 : 10.0;
  if (!first && !last && std::chrono::duration<double>(now - last_).count() < pause) return;
  if (first && open_) end();
  phase_ = progress.phase;
  last_ = now;
  const double left = progress.done > 0 ? progress.seconds / static_cast<double>(progress.done) *
                                              static_cast<double>(progress.all - progress.done)
                                        : 0.0;
  const auto line = fmt::format("{:<16} {:>5}/{:<5} {:>6} elapsed, {:>6} left  {}", progress.phase, progress.done, progress.all,
                                minutes(progress.seconds), minutes(left), progress.detail);
  std::fputs(terminal_ ? fmt::format("\r\033[K{}", line).c_str() : (line + "\n").c_str(), stderr);
  open_ = terminal_;
  if (last) end();
}

void ProgressPrinter::end() {
  if (open_) std::fputs("\n", stderr);
  open_ = false;
}

}  // namespace sam3lab
