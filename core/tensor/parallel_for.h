// A few pieces of work at once.
#pragma once
#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

#include <ATen/Parallel.h>

namespace sam3lab {

// Runs `work(i)` for each i, the first here and the others in threads of their own; the first exception comes out.
template <class Work>
void parallel_for(std::size_t count, const Work& work) {
  std::vector<std::exception_ptr> failures(count);
  const int inner = at::get_num_threads();
  const auto guarded = [&](std::size_t i) {
    try {
      at::set_num_threads(inner);  // OpenMP keeps this number for each thread apart
      work(i);
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(guarded, i);
  guarded(0);
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace sam3lab
