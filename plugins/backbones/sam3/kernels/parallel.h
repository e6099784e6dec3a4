// Runs work in parallel on LibTorch's own threads.
#pragma once
#include <cstdint>
#include <functional>

namespace sam3lab::sam3 {

// Calls work(i) for i = 0 .. count - 1 in any order, and returns when all have ended. Inside `work`, LibTorch and its matrix
// products use one thread. An exception of `work` is rethrown.
void in_parallel(std::int64_t count, const std::function<void(std::int64_t)>& work);

}  // namespace sam3lab::sam3
