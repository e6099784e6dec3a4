// Results of frozen parts on disk: every bit comes back, damage counts as absence, the bound holds, processes share.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"
#include "core/run/feature_cache.h"
#include "core/tensor/parallel_for.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::run_feature_cache_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Found = std::vector<at::Tensor>;

constexpr std::uint64_t plenty = 1'000'000'000;

class FeatureFilesTest : public testing::Test {
 protected:
  [[nodiscard]] FeatureCache open(std::uint64_t most = plenty, const std::string& context = "here") const {
    return {folder_, most, context};
  }
  // Of all files of results.
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().extension() == ".features") sum += entry.file_size();
    }
    return sum;
  }
  static void change(const fs::path& file, std::uint64_t at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(was ^ 0x10));
  }

  test::TempFolder temporary_;
  fs::path folder_ = temporary_.path() / "cache";
};

void expect_same(const Found& found, const Found& kept) {
  ASSERT_EQ(found.size(), kept.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(found[i].scalar_type(), kept[i].scalar_type());
    EXPECT_EQ(found[i].sizes(), kept[i].sizes());
    EXPECT_EQ(found[i].strides(), kept[i].strides());
    EXPECT_TRUE(at::equal(found[i].contiguous().view(at::kByte), kept[i].contiguous().view(at::kByte)));
  }
}

TEST_F(FeatureFilesTest, EveryBitAndTheLayoutComeBack) {
  const auto odd = at::tensor({0.0F, -0.0F, NAN, INFINITY, 1e-40F});
  const Found kept{at::randn({1, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast), odd, at::randn({2, 7}).to(at::kBFloat16),
                   at::randn({3, 4}).t(), at::randn({6}).to(at::kHalf)};
  open().put("a", kept);
  auto store = open();  // another process, later
  expect_same(store.find("a"), kept);
  EXPECT_TRUE(store.find("b").empty());
  EXPECT_TRUE(open(plenty, "elsewhere").find("a").empty());
  EXPECT_EQ(store.counts().found, 1);
  EXPECT_EQ(store.counts().missing, 1);
  const auto first = store.find("a");
  first[0].fill_(7);  // memory of its own
  expect_same(store.find("a"), kept);
}

TEST_F(FeatureFilesTest, WhatIsKeptAgainReplaces) {
  auto store = open();
  store.put("a", {at::zeros({100})});
  store.put("a", {at::ones({300})});
  expect_same(store.find("a"), {at::ones({300})});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);  // and .lock
}

TEST_F(FeatureFilesTest, DamagedFilesCountAsAbsentAndAreReplaced) {
  auto store = open();
  const Found kept{at::arange(40, at::kFloat).view({5, 8}), at::ones({3}, at::kBFloat16)};
  store.put("a", kept);
  const auto file = store.file_of("a");
  const auto size = fs::file_size(file);
  for (std::uint64_t at = 0; at < size; ++at) {
    change(file, at);
    EXPECT_NO_THROW({
      const auto found = store.find("a");
      if (!found.empty()) expect_same(found, kept);  // a space in the header, or the like
    }) << at;
    change(file, at);
  }
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{7}, size / 2, size - 1}) {
    fs::resize_file(file, length);
    EXPECT_TRUE(store.find("a").empty()) << length;
    store.put("a", kept);
    expect_same(store.find("a"), kept);
  }
  change(file, size - 1);  // of the numbers
  EXPECT_TRUE(store.find("a").empty());
  store.put("a", kept);
  expect_same(store.find("a"), kept);
}

TEST_F(FeatureFilesTest, ForeignFilesCountAsAbsent) {
  auto store = open();
  const Found kept{at::ones({4})};
  store.put("a", kept);
  fs::copy_file(store.file_of("a"), store.file_of("b"));  // what another key has
  EXPECT_TRUE(store.find("b").empty());
  store.put("b", kept);
  expect_same(store.find("b"), kept);

  // The right key, and a layout that reaches beyond the numbers, overlaps, or has no sense.
  auto file = read_safetensors(store.file_of("a").string());
  for (const char* layout : {"4/2", "2 2/1 1", "4", "", "/", "-4/1", "4 1/1", "8/1", "9223372036854775807 4/1 1",
                             "4/9223372036854775807", "1 1 1 1 1 1 1 1 4/1 1 1 1 1 1 1 1 1", "4x/1"}) {
    file.metadata["layout 00"] = layout;
    write_safetensors(store.file_of("c").string(), file.tensors, file.metadata);
    fs::rename(store.file_of("c"), store.file_of("a"));
    EXPECT_TRUE(store.find("a").empty()) << layout;
  }
  fs::remove(store.file_of("a"));
  fs::create_directory(store.file_of("a"));
  EXPECT_TRUE(store.find("a").empty());
  store.put("a", kept);
  EXPECT_EQ(store.counts().not_kept, 1);
}

TEST_F(FeatureFilesTest, TheBoundHoldsAndTheLongestUnusedGoFirst) {
  const auto of = [](int i) { return Found{at::full({1000}, i, at::kFloat)}; };
  auto store = open(20'000);  // three of them and a half
  std::ofstream(folder_ / "notes.txt") << "not ours";
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };  // file times are coarse
  for (int i = 0; i < 3; ++i) {
    store.put(std::to_string(i), of(i));
    pause();
  }
  EXPECT_FALSE(store.find("0").empty());  // used again
  pause();
  store.put("3", of(3));
  EXPECT_LE(bytes(), 20'000);
  EXPECT_FALSE(store.find("0").empty());
  EXPECT_TRUE(store.find("1").empty());
  EXPECT_FALSE(store.find("3").empty());
  for (int i = 4; i < 40; ++i) {
    store.put(std::to_string(i), of(i));
    EXPECT_LE(bytes(), 20'000) << i;
  }
  expect_same(store.find("39"), of(39));
  store.put("large", {at::zeros({6000})});
  EXPECT_EQ(store.counts().not_kept, 1);
  EXPECT_THAT(store.counts().failure, HasSubstr("train.feature_cache_gb"));
  EXPECT_LE(bytes(), 20'000);
  (void)open(9'000);  // a smaller bound holds from the start
  EXPECT_LE(bytes(), 9'000);
  EXPECT_TRUE(fs::exists(folder_ / "notes.txt"));
}

TEST_F(FeatureFilesTest, WhatAKilledWriterLeftIsTakenAway) {
  auto store = open();
  store.put("a", {at::ones({4})});
  const auto left = store.file_of("a").string() + ".Ab12Cd";
  std::ofstream(left) << "half a file";
  (void)open();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_FALSE(store.find("a").empty());
}

TEST_F(FeatureFilesTest, AFolderThatCannotBeWrittenIsRefused) {
  std::ofstream(folder_) << "a file";
  try {
    (void)open();
    FAIL() << "no refusal";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("folder of cached features"));
  }
}

TEST_F(FeatureFilesTest, DigestsTellNamesShapesTypesAndNumbersApart) {
  auto store = open();
  const auto x = at::ones({2, 3});
  auto y = x.clone();
  y[1][2] = 1.0000001F;
  std::set<std::string> all;
  for (const NamedTensors& tensors : {NamedTensors{},
                                      {{"", x}},
                                      {{"a", x}},
                                      {{"", y}},
                                      {{"", x.view({3, 2})}},
                                      {{"", x.to(at::kDouble)}},
                                      {{"", x}, {"", x}},
                                      {{"", x.view(at::kInt)}},
                                      {{"ab", x}},
                                      {{"a", x}, {"b", x}}})
    EXPECT_TRUE(all.insert(store.digest(tensors)).second);
  EXPECT_EQ(store.digest({{"", x.t().contiguous().t()}}), store.digest({{"", x}}));
  EXPECT_EQ(store.digest({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");  // of nothing
}

// Keeps and looks up, and checks what it finds. Returns how much was found.
std::int64_t work(FeatureCache& store, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const int key = (i * i) % 23;  // twelve keys, some twice in a row
    const Found right{at::full({500}, key), at::full({3}, -key).to(at::kBFloat16)};
    const auto found = store.find(std::to_string(key));
    if (found.empty()) {
      store.put(std::to_string(key), right);
    } else {
      expect_same(found, right);
    }
  }
  EXPECT_EQ(store.counts().not_kept, 0) << store.counts().failure;
  return store.counts().found;
}

TEST_F(FeatureFilesTest, ThreadsAndProcessesShareAFolder) {
  at::set_num_threads(1);
  auto store = open(30'000);  // fewer than twelve: some go all the time
  std::vector<pid_t> children;
  for (int p = 0; p < 2; ++p) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    auto own = open(30'000);
    const bool good = work(own, 200) > 0 && !testing::Test::HasFailure();
    ::_exit(good ? 0 : 1);
  }
  parallel_for(3, [&](std::size_t) { work(store, 100); });
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_GT(store.counts().found, 0);
  EXPECT_LE(bytes(), 30'000);
  auto large = open();
  for (int key = 0; key < 23; ++key) large.put(std::to_string(key), {at::full({500}, key)});
  for (int key = 0; key < 23; ++key) expect_same(large.find(std::to_string(key)), {at::full({500}, key)});
}

}  // namespace
}  // namespace sam3lab::run_feature_cache_test
