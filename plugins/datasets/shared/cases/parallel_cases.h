// Work on many cases, a few at a time.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "core/base/threads.h"

namespace sam3lab::datasets {

// The results of work(0), ..., work(count - 1), computed on at most `most` threads and not more than the machine has CPUs. The
// exception of the lowest number is thrown, so that an error is the same each time.
template <class Result>
std::vector<Result> each_case(std::size_t count, std::int64_t most, const std::function<Result(std::size_t)>& work) {
  std::vector<Result> results(count);
  const auto cpus = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  share_among_threads(count, static_cast<std::size_t>(std::min(most, cpus)), [&](std::size_t i) { results[i] = work(i); });
  return results;
}

}  // namespace sam3lab::datasets
