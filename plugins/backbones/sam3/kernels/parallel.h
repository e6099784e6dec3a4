// Work side by side on LibTorch's own threads.
#pragma once
#include <cstdint>
#include <functional>

namespace sam3lab::sam3 {

// work(i) for i = 0 .. count - 1, in any order; returns when all are done. Inside, LibTorch and its matrix products use one
// thread. An exception of `work` comes out.
void in_parallel(std::int64_t count, const std::function<void(std::int64_t)>& work);

}  // namespace sam3lab::sam3
