// Caching allocator for large tensors on the CPU. A training step allocates and frees hundreds of gigabytes in blocks of the
// same few sizes. With the system's allocator each block costs a page fault per 4 KiB, a quarter of the time of a full-size
// step.
#pragma once
#include <cstdint>

namespace sam3lab {

// From now on LibTorch allocates large tensors (from 4 MiB) in pages of 2 MiB. Up to `most_cached` bytes of freed pages are
// kept for later tensors of any size. Pages in use and cached pages together never exceed the peak of the pages in use. Tensors
// that exist already are freed by the allocator that made them. Calls after the first do nothing.
void use_caching_allocator(std::int64_t most_cached = std::int64_t{1} << 50);

// Bytes of such tensors in use: now, and the peak so far. Both are 0 before use_caching_allocator().
struct MemoryInUse {
  std::int64_t now = 0, most = 0;
};
MemoryInUse memory_in_use();

// Bytes of cached pages, for tests.
std::int64_t cached_bytes();

}  // namespace sam3lab
