// `--nproc`: runs the ranks of a run as processes on this machine.
#pragma once
#include <atomic>
#include <functional>

#include "core/distributed/ranks.h"

namespace sam3lab {

// Runs `body` in `size` processes, which meet in a file. Rank 0 uses the standard output and error of this process. The output
// of another rank is shown only if it fails. `body` returns its exit code or throws. When one rank has failed, the others are
// ended within half a minute. `interrupted` is passed on to the ranks. Returns the exit code of the rank that failed first, or
// that of rank 0. LibTorch must not have computed anything in this process, because its threads do not survive a fork.
int run_ranks(int size, const std::atomic<bool>& interrupted, const std::function<int(const RankAddress&)>& body);

}  // namespace sam3lab
