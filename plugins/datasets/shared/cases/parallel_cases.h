// Something of many cases, a few at a time.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace sam3lab::datasets {

// work(0), work(1), ... work(count - 1), on at most `most` threads and not more than the machine has. What the lowest number
// throws is thrown, whichever came first, so that a refusal is the same each time; work that has not begun by then is left out.
template <class Result>
std::vector<Result> each_case(std::size_t count, std::int64_t most, const std::function<Result(std::size_t)>& work) {
  std::vector<Result> results(count);
  std::vector<std::exception_ptr> faults(count);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto run = [&] {
    while (!failed) {
      const auto number = next++;
      if (number >= count) return;
      try {
        results[number] = work(number);
      } catch (...) {
        faults[number] = std::current_exception();
        failed = true;
      }
    }
  };
  const auto cores = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  const auto helpers = std::min<std::int64_t>({most, cores, static_cast<std::int64_t>(count)}) - 1;
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < helpers; ++i) threads.emplace_back(run);
  run();
  for (auto& thread : threads) thread.join();
  for (const auto& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
  return results;
}

}  // namespace sam3lab::datasets
