// The allocator of large tensors.
#include <thread>
#include <vector>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/tensor/pages.h"

namespace sam3lab {
namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

TEST(Pages, LargeTensorsComeBackAndSparePagesStayBelowTheLimit) {
  auto before = at::full({3 * mib}, 1.0F);  // made by another allocator, freed under this one
  keep_pages(64 * mib);
  void* place = nullptr;
  {
    const auto large = at::empty({4 * mib}, at::kFloat);  // 16 MiB
    place = large.data_ptr();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(place) % (2 * mib), 0U);
    large.fill_(2.0F);
  }
  EXPECT_EQ(spare_pages(), 16 * mib);
  EXPECT_EQ(at::empty({4 * mib}, at::kFloat).data_ptr(), place);
  before = at::Tensor();
  { const auto small = at::ones({1000}), none = at::empty({0}); }
  for (int i = 0; i < 3; ++i) {
    std::vector<at::Tensor> many;
    for (int k = 0; k < 8; ++k) many.push_back(at::ones({(5 + k) * mib}));
    for (int k = 0; k < 8; ++k)
      EXPECT_EQ(many[static_cast<std::size_t>(k)].sum().item<float>(), static_cast<float>((5 + k) * mib));
  }
  EXPECT_LE(spare_pages(), 64 * mib);
}

TEST(Pages, ThreadsShareThem) {
  keep_pages();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 20; ++i) {
        const auto x = at::full({2 * mib}, static_cast<float>(t));
        EXPECT_TRUE(x.eq(t).all().item<bool>());
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace sam3lab
