// The lease of a run: one living process has it, a dead one's is free, and other hosts are told apart by their counter.
#include "core/run/run_lease.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sam3lab::run_lease_test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr LeaseTiming quick{milliseconds(20), milliseconds(300), milliseconds(500)};

class Lease : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / fmt::format("sam3lab-lease-{}", ::getpid());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "run.lease"; }
  void write(const std::string& text) const { std::ofstream(file()) << text; }
  [[nodiscard]] std::string refusal(LeaseTiming timing = quick) const {
    try {
      const RunLease lease(file(), timing);
    } catch (const RunIsHeld& held) {
      return held.what();
    }
    return "";
  }
  // A process that takes the lease, says so, and waits to be killed.
  [[nodiscard]] pid_t holder() const {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        const RunLease lease(file(), quick);
        (void)!::write(ends[1], "y", 1);
        ::pause();
      } catch (...) {
      }
      ::_exit(1);
    }
    char said = 0;
    EXPECT_EQ(::read(ends[0], &said, 1), 1);
    ::close(ends[0]);
    ::close(ends[1]);
    return child;
  }

  std::filesystem::path folder_;
};

TEST_F(Lease, IsGoneAfterItsHolder) {
  {
    const RunLease lease(file(), quick);
    EXPECT_TRUE(std::filesystem::exists(file()));
    EXPECT_NO_THROW(lease.check());
  }
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_EQ(refusal(), "");
}

TEST_F(Lease, ALivingProcessIsNamedAndAKilledOneIsNot) {
  const pid_t child = holder();
  EXPECT_THAT(refusal(), HasSubstr(fmt::format("held by process {} on ", child)));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(std::filesystem::exists(file()));
  EXPECT_EQ(refusal(), "");
}

TEST_F(Lease, AnotherHostHoldsItAsLongAsItsCounterChanges) {
  const std::string line = "elsewhere 7 77 another-boot 2026-01-01T00:00:00Z\n";
  write(line + "3\n");
  EXPECT_EQ(refusal(), "") << "its counter stands still";

  // As a holder does it: the counter is written over, and the file is never empty.
  write(line + "100\n");
  const OpenFile other(::open(file().c_str(), O_RDWR | O_CLOEXEC));
  std::atomic<bool> ends{false};
  std::thread beats([&] {
    for (int i = 101; !ends; ++i) {
      const auto text = line + fmt::format("{}\n", i);
      EXPECT_TRUE(other.write(text.data(), text.size(), 0));
      std::this_thread::sleep_for(milliseconds(10));
    }
  });
  EXPECT_THAT(refusal(LeaseTiming{milliseconds(20), milliseconds(10'000), milliseconds(500)}),
              HasSubstr("process 7 on elsewhere"));
  ends = true;
  beats.join();
}

TEST_F(Lease, WhoLostItIsTold) {
  const RunLease lease(file(), quick);
  write("elsewhere 7 77 another-boot 2026-01-01T00:00:00Z\n0\n");
  EXPECT_THROW(lease.check(), DataError);
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_THROW(lease.check(), DataError) << "its own counter must not win it back";
}

TEST_F(Lease, ProcessNumbersAreUsedAgain) {
  // This process lives, but the holder of that number had started at another time.
  write(fmt::format(
      "{} {} 1 {} 2026-01-01T00:00:00Z\n4\n",
      [] {
        char name[256] = {};
        ::gethostname(name, sizeof name - 1);
        return std::string(name);
      }(),
      ::getppid(),
      [] {
        std::string id;
        std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
        return id;
      }()));
  EXPECT_EQ(refusal(), "");
}

TEST_F(Lease, AnEmptyOrBrokenFileIsNobodys) {
  for (const char* text : {"", "\n", "one two", "a -3 b c d\n1\n", "\xff\xfe\n"}) {
    write(text);
    EXPECT_EQ(refusal(), "") << text;
  }
}

TEST_F(Lease, AFolderThatCannotBeWrittenIsAnError) {
  EXPECT_THROW(RunLease(folder_ / "missing" / "run.lease", quick), DataError);
}

}  // namespace
}  // namespace sam3lab::run_lease_test
