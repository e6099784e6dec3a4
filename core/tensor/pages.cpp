#include "core/tensor/pages.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

namespace sam3lab {
namespace {

constexpr std::size_t page = std::size_t{2} << 20, large = 2 * page, alignment = 64;

// `bytes` of whole pages, at a multiple of the page; null if there is no memory.
void* take(std::size_t bytes) {
  void* mapped = mmap(nullptr, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(mapped), first = (start + page - 1) / page * page;
  if (first > start) munmap(mapped, first - start);
  if (first < start + page) munmap(reinterpret_cast<void*>(first + bytes), start + page - first);
  void* pages = reinterpret_cast<void*>(first);
  madvise(pages, bytes, MADV_HUGEPAGE);  // a wish: where the system has none, small pages serve
  return pages;
}

// Pieces in use and pieces to spare, the latter in the order in which they were freed.
class Store {
 public:
  void* get(std::size_t bytes) {
    Pieces leaving;
    {
      const std::lock_guard lock(mutex_);
      for (auto piece = spare_.rbegin(); piece != spare_.rend(); ++piece) {
        if (piece->second != bytes) continue;
        void* found = piece->first;
        spare_bytes_ -= bytes;
        spare_.erase(std::next(piece).base());
        in_use_[found] = bytes;
        count(bytes);
        return found;
      }
      count(bytes);
      leaving = shrink();
    }
    for (const auto& [start, size] : leaving) munmap(start, size);
    void* fresh = take(bytes);
    const std::lock_guard lock(mutex_);
    if (fresh == nullptr) {
      used_bytes_ -= bytes;
      throw std::bad_alloc();
    }
    in_use_[fresh] = bytes;
    return fresh;
  }

  bool put(void* piece) {  // false: not one of these
    Pieces leaving;
    {
      const std::lock_guard lock(mutex_);
      const auto found = in_use_.find(piece);
      if (found == in_use_.end()) return false;
      spare_.emplace_back(piece, found->second);
      spare_bytes_ += found->second;
      used_bytes_ -= found->second;
      in_use_.erase(found);
      leaving = shrink();
    }
    for (const auto& [start, bytes] : leaving) munmap(start, bytes);
    return true;
  }

  PagesInUse in_use() {
    const std::lock_guard lock(mutex_);
    return {static_cast<std::int64_t>(used_bytes_), static_cast<std::int64_t>(most_used_)};
  }

  std::size_t spare() {
    const std::lock_guard lock(mutex_);
    return spare_bytes_;
  }

  std::size_t limit = 0;

 private:
  using Pieces = std::deque<std::pair<void*, std::size_t>>;

  void count(std::size_t bytes) {
    used_bytes_ += bytes;
    most_used_ = std::max(most_used_, used_bytes_);
  }

  // The oldest pieces that must go: what is spare never adds to the most that was in use at once.
  Pieces shrink() {
    Pieces leaving;
    while (!spare_.empty() && (spare_bytes_ > limit || used_bytes_ + spare_bytes_ > most_used_)) {
      leaving.push_back(spare_.front());
      spare_bytes_ -= spare_.front().second;
      spare_.pop_front();
    }
    return leaving;
  }

  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> in_use_;
  Pieces spare_;
  std::size_t spare_bytes_ = 0, used_bytes_ = 0, most_used_ = 0;
};

Store& store() {
  static auto* all = new Store;  // tensors may be freed after everything static is gone
  return *all;
}

void give_back(void* piece) {
  if (piece == nullptr) return;
  if (reinterpret_cast<std::uintptr_t>(piece) % page == 0 && store().put(piece)) return;
  std::free(piece);
}

class Pages final : public c10::Allocator {
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

void keep_pages(std::int64_t spare_bytes) {
  static std::once_flag once;
  std::call_once(once, [spare_bytes] {
    store().limit = static_cast<std::size_t>(spare_bytes);
    // Smaller pieces: glibc keeps them below these limits instead of giving each back to the system.
    mallopt(M_MMAP_THRESHOLD, static_cast<int>(large));
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    c10::SetCPUAllocator(new Pages, /*priority=*/1);
  });
}

PagesInUse pages_in_use() { return store().in_use(); }

std::int64_t spare_pages() { return static_cast<std::int64_t>(store().spare()); }

}  // namespace sam3lab
