// Work in several threads.
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/base/threads.h"

namespace sam3lab::threads_test {
namespace {

TEST(Threads, RunAtTheSameTime) {
  std::atomic<int> arrived = 0;
  run_in_threads(3, [&](std::size_t) {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();  // would never end if they ran one after another
  });
  EXPECT_EQ(arrived, 3);
  run_in_threads(0, [](std::size_t) { FAIL(); });
}

TEST(Threads, TheErrorIsThatOfTheLowestNumber) {
  std::atomic<int> ended = 0;
  const auto work = [&](std::size_t i) {
    ++ended;
    if (i > 0) throw std::runtime_error(std::to_string(i));
  };
  try {
    run_in_threads(4, work);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "1");
  }
  EXPECT_EQ(ended, 4);
}

TEST(Threads, ShareEachCallOnce) {
  std::vector<std::atomic<int>> calls(100);
  share_among_threads(calls.size(), 4, [&](std::size_t i) { ++calls[i]; });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST(Threads, NoCallBeginsAfterAnError) {
  int calls = 0;
  const auto work = [&](std::size_t i) {
    ++calls;
    if (i == 2) throw std::runtime_error("third");
  };
  EXPECT_THROW(share_among_threads(100, 1, work), std::runtime_error);
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace sam3lab::threads_test
