// A folder of files that processes share.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "core/base/bounded_folder.h"
#include "tests/support/make_files.h"

namespace sam3lab::bounded_folder_test {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

std::string name_of(int number) { return std::string(63, 'a') + std::to_string(number) + ".case"; }

TEST(BoundedFolder, OldestFirstAndNothingLeftBehind) {
  TempFolder folder;
  const auto place = folder / "kept";
  {
    BoundedFolder files(place, {100, {".case", ".slices"}, "things", "cache"});
    const auto index = std::string(64, 'b') + ".slices";
    EXPECT_TRUE(files.keep(index, {std::string(10, 'x')}));
    for (const int n : {1, 2, 3}) EXPECT_TRUE(files.keep(name_of(n), {std::string(20, 'x'), std::string(10, 'y')}));
    const auto age = [&](const std::string& name, int seconds) {
      const auto now = fs::file_time_type::clock::now();
      fs::last_write_time(fs::path(place) / name, now - std::chrono::seconds(seconds));
    };
    age(index, 100), age(name_of(1), 30), age(name_of(2), 20), age(name_of(3), 10);
    EXPECT_TRUE(files.open(name_of(1)).valid());  // used
    EXPECT_TRUE(files.keep(name_of(4), {std::string(40, 'z')}));
    EXPECT_FALSE(files.open(name_of(2)).valid());
    EXPECT_FALSE(files.open(name_of(3)).valid());
    EXPECT_EQ(files.open(name_of(1)).bytes(), 30U);
    EXPECT_TRUE(files.open(index).valid()) << "an index outlasts the cases";
    EXPECT_FALSE(files.keep(name_of(5), {std::string(101, 'z')}));
  }
  test::write_text(place + "/" + name_of(6) + ".Ab3dE6", "half");
  test::write_text(place + "/notes.txt", std::string(500, 'n'));
  const BoundedFolder again(place, {50, {".case", ".slices"}, "things", "cache"});
  EXPECT_FALSE(fs::exists(place + "/" + name_of(6) + ".Ab3dE6"));
  EXPECT_TRUE(fs::exists(place + "/notes.txt")) << "what is not ours stays";
  EXPECT_FALSE(again.open(name_of(1)).valid());
  EXPECT_EQ(again.open(name_of(4)).bytes(), 40U);
}

// Writers in processes of their own, killed at any instant: each file is whole, and all together stay below the bound.
TEST(BoundedFolder, ProcessesThatAreKilled) {
  TempFolder folder;
  const auto place = folder / "kept";
  constexpr std::uint64_t most = 400'000;
  const auto content = [](int n) { return std::string(static_cast<std::size_t>(50'000 + n), static_cast<char>('a' + n)); };
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    const auto id = ::fork();
    ASSERT_GE(id, 0);
    if (id == 0) {
      BoundedFolder files(place, {most, {".case"}, "things", "cache"});
      for (int i = child;; ++i) {
        files.keep(name_of(i % 10), {content(i % 10)});
        std::string text(static_cast<std::size_t>(50'000 + i % 10), '\0');
        const auto file = files.open(name_of(i % 10));
        if (file.valid() && !(file.read(text.data(), text.size(), 0) && text == content(i % 10))) ::_exit(1);
      }
    }
    children.push_back(id);
  }
  for (const auto id : children) {
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
    ::kill(id, SIGKILL);
    int status = 0;
    ::waitpid(id, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "a file was not whole";
  }
  const BoundedFolder files(place, {most, {".case"}, "things", "cache"});
  std::uint64_t bytes = 0;
  for (const auto& file : fs::directory_iterator(place)) {
    if (file.path().extension() != ".case") continue;
    const int n = file.path().filename().string()[63] - '0';
    EXPECT_EQ(test::read_bytes(file.path().string()),
              std::vector<std::uint8_t>(content(n).size(), static_cast<std::uint8_t>('a' + n)));
    bytes += file.file_size();
  }
  EXPECT_GT(bytes, 0U);
  EXPECT_LE(bytes, most);
}

}  // namespace
}  // namespace sam3lab::bounded_folder_test
