// Work in several threads. core/tensor/parallel_for.h is the same for work that computes with LibTorch.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace sam3lab {

// Runs work(0), ..., work(count - 1) at the same time: work(0) in this thread, the others in new threads. Returns when all have
// ended, and rethrows the exception of the lowest number.
template <class Work>
void run_in_threads(std::size_t count, const Work& work) {
  std::vector<std::exception_ptr> failures(count);
  const auto guarded = [&](std::size_t i) {
    try {
      work(i);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(guarded, i);
  if (count > 0) guarded(0);
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

// Calls work(i) once for each i < count, in any order, on up to `most` threads. After an exception no further call begins. The
// exception of the lowest number is rethrown, so that an error is the same each time.
template <class Work>
void share_among_threads(std::size_t count, std::size_t most, const Work& work) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  run_in_threads(std::min(count, most), [&](std::size_t) {
    for (auto i = next++; i < count && !failed; i = next++) {
      try {
        work(i);
      } catch (...) {
        failures[i] = std::current_exception();
        failed = true;
      }
    }
  });
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace sam3lab
