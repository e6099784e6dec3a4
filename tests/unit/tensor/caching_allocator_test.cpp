// The allocator of large tensors.
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/tensor/caching_allocator.h"

namespace sam3lab::caching_allocator_test {
namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

void reuse_cached_pages_up_to_a_limit() {
  auto before = at::full({3 * mib}, 1.0F);  // made by another allocator, freed under this one
  use_caching_allocator(64 * mib);
  void* address = nullptr;
  {
    const auto large = at::empty({4 * mib}, at::kFloat);  // 16 MiB
    address = large.data_ptr();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % (2 * mib), 0U);
    large.fill_(2.0F);
  }
  EXPECT_EQ(cached_bytes(), 16 * mib);
  EXPECT_EQ(at::empty({4 * mib}, at::kFloat).data_ptr(), address);
  before = at::Tensor();
  { const auto small = at::ones({1000}), none = at::empty({0}); }
  for (int i = 0; i < 3; ++i) {
    std::vector<at::Tensor> many;
    for (int k = 0; k < 8; ++k) many.push_back(at::ones({(5 + k) * mib}));
    for (int k = 0; k < 8; ++k)
      EXPECT_EQ(many[static_cast<std::size_t>(k)].sum().item<float>(), static_cast<float>((5 + k) * mib));
  }
  EXPECT_LE(cached_bytes(), 64 * mib);
}

// A process has one allocator, and the first call sets its limit: this test starts a process in which no other test has run.
TEST(CachingAllocatorDeathTest, LargeTensorsReuseCachedPagesUpToTheLimit) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto in_a_new_process = [] {
    reuse_cached_pages_up_to_a_limit();
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(in_a_new_process(), testing::ExitedWithCode(0), "");
}

// Tensors of all sizes are made from the pages of freed ones. No two may share memory.
TEST(CachingAllocator, PagesMoveToTensorsOfAnotherSize) {
  use_caching_allocator();
  at::manual_seed(4);
  std::vector<std::pair<at::Tensor, float>> kept;
  for (int i = 0; i < 400; ++i) {
    const auto size = at::randint(1, 9, {1}).item<std::int64_t>() * mib + at::randint(0, 1000, {1}).item<std::int64_t>();
    kept.emplace_back(at::full({size}, static_cast<float>(i)), static_cast<float>(i));
    if (kept.size() > 6) kept.erase(kept.begin() + at::randint(0, 7, {1}).item<std::int64_t>());
    if (i % 20 != 0) continue;
    for (const auto& [tensor, value] : kept) EXPECT_TRUE(tensor.eq(value).all().item<bool>()) << i;
  }
  const auto use = memory_in_use();
  EXPECT_LE(use.now + cached_bytes(), use.most);
}

TEST(CachingAllocator, ThreadsShareIt) {
  use_caching_allocator();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 20; ++i) {
        const auto x = at::full({(2 + i % 3) * mib}, static_cast<float>(t));
        EXPECT_TRUE(x.eq(t).all().item<bool>());
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace sam3lab::caching_allocator_test
