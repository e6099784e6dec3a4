// Memory of tensors on the CPU. A training step takes and gives back hundreds of gigabytes in pieces of the same few sizes;
// from the system each piece costs a page fault every 4 KiB, a quarter of the time of a full-size step.
#pragma once
#include <cstdint>

namespace sam3lab {

// From now on LibTorch takes large tensors (from 4 MiB) in pages of 2 MiB and keeps up to `spare_bytes` of what is freed for
// later tensors, of the same size or, page by page, of another, but never so much that the peak of what is in use would rise by
// it. Tensors that exist already are
// freed as they were made. Calls after the first do nothing.
void use_caching_allocator(std::int64_t spare_bytes = std::int64_t{1} << 50);

// Bytes of such tensors in use, now and at most so far; both 0 before use_caching_allocator().
struct MemoryInUse {
  std::int64_t now = 0, most = 0;
};
MemoryInUse memory_in_use();

// Bytes that are kept and not in use, for tests.
std::int64_t cached_bytes();

}  // namespace sam3lab
