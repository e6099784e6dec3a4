#include "core/tensor/caching_allocator.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

namespace sam3lab {
namespace {

constexpr std::size_t page = std::size_t{2} << 20, large = 2 * page, alignment = 64;

// Memory of one tensor. It may consist of several mappings one after another; `runs` has the bytes of each.
struct Piece {
  char* start = nullptr;
  std::size_t bytes = 0;
  std::vector<std::size_t> runs = {};
};
using Pieces = std::deque<Piece>;

void unmap(const Pieces& pieces) {
  for (const auto& piece : pieces) munmap(piece.start, piece.bytes);
}

// A range of addresses that begins at a multiple of the page size; null if there is none.
char* reserve(std::size_t bytes, int protection) {
  void* mapped = mmap(nullptr, bytes + page, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(mapped), first = (start + page - 1) / page * page;
  if (first > start) munmap(mapped, first - start);
  if (first < start + page) munmap(reinterpret_cast<void*>(first + bytes), start + page - first);
  return reinterpret_cast<char*>(first);
}

// A piece whose first pages are moved from `given` and whose other pages are new. Its start is null if there is no memory.
// Moving a page costs almost nothing; the system fills a new page with zeros.
Piece assemble(std::size_t bytes, const Pieces& given) {
  Piece piece{reserve(bytes, given.empty() ? PROT_READ | PROT_WRITE : PROT_NONE), bytes};
  if (piece.start == nullptr) {
    unmap(given);
    return given.empty() ? Piece{} : assemble(bytes, {});
  }
  std::size_t done = 0;
  bool moves = true;
  for (const auto& from : given) {
    char* address = from.start;
    for (const auto run : from.runs) {
      moves = moves && mremap(address, run, run, MREMAP_MAYMOVE | MREMAP_FIXED, piece.start + done) != MAP_FAILED;
      if (moves) {
        done += run;
        piece.runs.push_back(run);
      } else {
        munmap(address, run);
      }
      address += run;
    }
  }
  if (done == bytes) return piece;
  char* rest = piece.start + done;
  if (!given.empty() &&
      mmap(rest, bytes - done, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
    munmap(piece.start, bytes);
    return {};
  }
  madvise(rest, bytes - done, MADV_HUGEPAGE);  // if the system has no huge pages, small ones are used
  piece.runs.push_back(bytes - done);
  return piece;
}

// Shortens the piece to `bytes` and returns the rest.
Piece split(Piece& piece, std::size_t bytes) {
  Piece rest{piece.start + bytes, piece.bytes - bytes};
  std::size_t before = 0;
  std::vector<std::size_t> first;
  for (const auto run : piece.runs) {
    const auto here = std::min(run, bytes - std::min(bytes, before));
    if (here > 0) first.push_back(here);
    if (here < run) rest.runs.push_back(run - here);
    before += run;
  }
  piece.runs = std::move(first);
  piece.bytes = bytes;
  return rest;
}

// Pieces in use, and cached pieces in the order in which they were freed.
class Store {
 public:
  void* get(std::size_t bytes) {
    Pieces leaving, given;
    {
      const std::lock_guard lock(mutex_);
      for (auto piece = cached_.rbegin(); piece != cached_.rend(); ++piece) {
        if (piece->bytes != bytes) continue;
        void* found = piece->start;
        in_use_[found] = std::move(*piece);
        cached_bytes_ -= bytes;
        cached_.erase(std::next(piece).base());
        count(bytes);
        return found;
      }
      count(bytes);
      given = oldest(bytes);
      leaving = shrink();
    }
    unmap(leaving);
    auto fresh = assemble(bytes, given);
    const std::lock_guard lock(mutex_);
    if (fresh.start == nullptr) {
      used_bytes_ -= bytes;
      throw std::bad_alloc();
    }
    runs_ += fresh.runs.size();
    void* start = fresh.start;
    in_use_[start] = std::move(fresh);
    return start;
  }

  bool put(void* piece) {  // returns false if this object did not allocate the piece
    Pieces leaving;
    {
      const std::lock_guard lock(mutex_);
      const auto found = in_use_.find(piece);
      if (found == in_use_.end()) return false;
      cached_bytes_ += found->second.bytes;
      used_bytes_ -= found->second.bytes;
      cached_.push_back(std::move(found->second));
      in_use_.erase(found);
      leaving = shrink();
    }
    unmap(leaving);
    return true;
  }

  MemoryInUse in_use() {
    const std::lock_guard lock(mutex_);
    return {static_cast<std::int64_t>(used_bytes_), static_cast<std::int64_t>(most_used_)};
  }

  std::size_t cached() {
    const std::lock_guard lock(mutex_);
    return cached_bytes_;
  }

  std::size_t limit = 0;

 private:
  void count(std::size_t bytes) {
    used_bytes_ += bytes;
    most_used_ = std::max(most_used_, used_bytes_);
  }

  Piece pop_oldest() {
    auto piece = std::move(cached_.front());
    cached_.pop_front();
    cached_bytes_ -= piece.bytes;
    runs_ -= piece.runs.size();
    return piece;
  }

  // Takes up to `bytes` of the oldest cached pieces, to be used for another size. Each may add a mapping, and a process can
  // have at most 65530.
  Pieces oldest(std::size_t bytes) {
    Pieces given;
    constexpr std::size_t most_runs = 20000;
    for (std::size_t sum = 0; sum < bytes && !cached_.empty() && runs_ < most_runs;) {
      given.push_back(pop_oldest());
      if (sum + given.back().bytes > bytes) {
        cached_.push_front(split(given.back(), bytes - sum));
        cached_bytes_ += cached_.front().bytes;
        runs_ += cached_.front().runs.size();
      }
      sum += given.back().bytes;
    }
    return given;
  }

  // Takes the oldest cached pieces that must be freed: pieces in use and cached ones never exceed the peak of those in use.
  Pieces shrink() {
    Pieces leaving;
    while (!cached_.empty() && (cached_bytes_ > limit || used_bytes_ + cached_bytes_ > most_used_))
      leaving.push_back(pop_oldest());
    return leaving;
  }

  std::mutex mutex_;
  std::unordered_map<void*, Piece> in_use_;
  Pieces cached_;
  std::size_t cached_bytes_ = 0, used_bytes_ = 0, most_used_ = 0;
  std::size_t runs_ = 0;  // mappings of all pieces
};

Store& store() {
  static auto* all = new Store;  // never destroyed: tensors may be freed after static objects are destroyed
  return *all;
}

void give_back(void* piece) {
  if (piece == nullptr) return;
  if (reinterpret_cast<std::uintptr_t>(piece) % page == 0 && store().put(piece)) return;
  std::free(piece);
}

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* piece = nullptr;
    if (bytes >= large) {
      piece = store().get((bytes + page - 1) / page * page);
    } else if (bytes > 0 && posix_memalign(&piece, alignment, bytes) != 0) {
      throw std::bad_alloc();
    }
    return {piece, piece, &give_back, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

void use_caching_allocator(std::int64_t most_cached) {
  static std::once_flag once;
  std::call_once(once, [most_cached] {
    store().limit = static_cast<std::size_t>(most_cached);
    // For smaller tensors: below these limits glibc keeps freed memory instead of returning it to the system.
    mallopt(M_MMAP_THRESHOLD, static_cast<int>(large));
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    c10::SetCPUAllocator(new CachingAllocator, /*priority=*/1);
  });
}

MemoryInUse memory_in_use() { return store().in_use(); }

std::int64_t cached_bytes() { return static_cast<std::int64_t>(store().cached()); }

}  // namespace sam3lab
