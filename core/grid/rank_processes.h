// `--nproc`: the ranks of a run as processes of this machine.
#pragma once
#include <atomic>
#include <functional>

#include "core/distributed/ranks.h"

namespace sam3lab {

// Runs `body` in `size` processes, which meet in a file. Rank 0 has this process's standard output and error; what the others
// say is heard only if they fail. `body` returns its exit code or throws. Once one has failed, the others are ended within half
// a minute. `interrupted` is handed on. Returns the exit code of the rank that failed first; else what rank 0 returned.
// LibTorch must not have computed anything in this process: its threads do not live through a fork.
int run_ranks(int size, const std::atomic<bool>& interrupted, const std::function<int(const RankAddress&)>& body);

}  // namespace sam3lab
