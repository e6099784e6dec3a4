// Threads that compute with LibTorch.
#pragma once
#include <cstddef>

#include <ATen/Parallel.h>

#include "core/base/threads.h"

namespace sam3lab {

// run_in_threads(), where each thread has as many threads of LibTorch as the caller: OpenMP keeps that number per thread.
template <class Work>
void parallel_for(std::size_t count, const Work& work) {
  const int inner = at::get_num_threads();
  run_in_threads(count, [&](std::size_t i) {
    at::set_num_threads(inner);
    work(i);
  });
}

}  // namespace sam3lab
