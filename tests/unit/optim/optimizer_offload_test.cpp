// AdamW's moments in a file: the same bits as in memory, whatever is read ahead, saved, restored or refused.
#include "core/optim/optimizer_offload.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>

#include "core/tensor/caching_allocator.h"
#include "core/optim/adamw.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::optimizer_offload_test {
namespace {

namespace fs = std::filesystem;

class MomentsInAFile : public testing::Test {
 protected:
  const test::TempFolder temporary;
  const fs::path folder = temporary.path();
};

TEST_F(MomentsInAFile, ComeBackAsTheyWerePut) {
  use_caching_allocator();
  // Large ones lie in whole pages and go past the system's cache, small ones do not; neither size is a whole block.
  OptimizerOffload moments(folder, {1'500'001, 77});
  EXPECT_TRUE(fs::is_empty(folder)) << "a name leads to the file";
  for (const std::size_t slot : {0U, 1U}) {
    auto [first, second] = moments.take(slot);
    EXPECT_EQ(first.count_nonzero().item<std::int64_t>() + second.count_nonzero().item<std::int64_t>(), 0);
    at::manual_seed(slot);
    first.copy_(at::randn(first.sizes()));
    second.copy_(at::randn(second.sizes()));
    moments.put(slot);
  }
  moments.wait();
  EXPECT_EQ(moments.bytes_in_memory(), 0);
  moments.fetch([](std::int64_t) { return std::int64_t{1} << 40; });
  for (const std::size_t slot : {1U, 0U}) {
    const auto [first, second] = moments.take(slot);
    at::manual_seed(slot);
    EXPECT_TRUE(at::equal(first, at::randn(first.sizes())));
    EXPECT_TRUE(at::equal(second, at::randn(second.sizes())));
  }
  EXPECT_GT(moments.bytes_in_memory(), 0);
  moments.leave();
  EXPECT_EQ(moments.bytes_in_memory(), 0) << "nothing has changed, so nothing had to be written";
}

TEST_F(MomentsInAFile, ReadAheadOnlyWhereThereIsRoom) {
  OptimizerOffload moments(folder, {1024, 1024, 1024});
  for (const std::size_t slot : {0U, 1U, 2U}) {
    (void)moments.take(slot);
    moments.put(slot);
  }
  moments.wait();
  std::atomic<int> asked = 0;
  moments.fetch([&](std::int64_t in_memory) { return ++asked, 2 * 2 * 4096 - in_memory; });
  while (asked < 4) std::this_thread::yield();  // the fourth time the third pair has been refused
  EXPECT_EQ(moments.bytes_in_memory(), 2 * 2 * 4096);
  moments.leave();
}

// The same weights and moments, bit by bit, as with all moments in memory.
TEST_F(MomentsInAFile, ChangeNoBitOfAnUpdate) {
  struct Run {
    std::vector<at::Tensor> weights;
    Tensors state;
  };
  const auto run = [&](const fs::path& disk) {
    at::manual_seed(3);
    std::vector<std::pair<std::string, at::Tensor>> parameters;
    for (const auto& [name, size] : {std::pair{"a", 300'000}, {"b", 5}, {"c", 70'001}, {"d", 9}})
      parameters.emplace_back(name, at::randn({size}).requires_grad_());
    const AdamWOptions options{.offload = disk, .offload_from = 1000};
    const std::vector<ParameterGroup> groups{{"all", parameters, 0.01, 0.1}};
    auto optimiser = std::make_unique<AdamW>(groups, options);
    for (int step = 0; step < 6; ++step) {
      optimiser->begin_pass();
      for (const auto& [name, parameter] : parameters) {
        if (name != "d" || step % 2 == 0) parameter.mutable_grad() = at::randn(parameter.sizes());  // d has none at times
      }
      optimiser->expect_update();
      optimiser->clip(1.0);
      optimiser->step(0.5);
      EXPECT_EQ(parameters[0].second.grad().defined(), disk.empty()) << "the update frees a gradient whose moments are on disk";
      optimiser->clear_gradients();
      if (step == 3) {  // a new process
        Tensors saved;
        for (const auto& [name, tensor] : optimiser->state()) saved[name] = tensor.clone();
        optimiser = std::make_unique<AdamW>(groups, options);
        optimiser->restore(saved);
      }
    }
    Run result{{}, optimiser->state()};
    for (const auto& [name, parameter] : parameters) result.weights.push_back(parameter.detach());
    return result;
  };
  const auto in_memory = run({}), on_disk = run(folder);
  for (std::size_t i = 0; i < in_memory.weights.size(); ++i)
    EXPECT_TRUE(at::equal(in_memory.weights[i], on_disk.weights[i])) << i;
  ASSERT_EQ(in_memory.state.size(), on_disk.state.size());
  for (const auto& [name, tensor] : in_memory.state) EXPECT_TRUE(at::equal(tensor, on_disk.state.at(name))) << name;
}

TEST_F(MomentsInAFile, RefuseAFolderWithoutRoom) {
  const auto refusal = [](const fs::path& where, std::int64_t numbers) {
    try {
      const OptimizerOffload moments(where, {numbers});
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refusal(folder, std::int64_t{1} << 56), testing::HasSubstr("no room"));
  EXPECT_TRUE(fs::is_empty(folder));
  EXPECT_THAT(refusal("/proc/nowhere", 10), testing::HasSubstr("cannot make a file"));
}

}  // namespace
}  // namespace sam3lab::optimizer_offload_test
