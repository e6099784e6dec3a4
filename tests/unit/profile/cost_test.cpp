// FLOPs against hand-counted products, and joules from counters in files.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/profile/cost.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::cost_test {
namespace {

using testing::HasSubstr;

template <class Work>
double counted(const Work& work) {
  const FlopCounter counter;
  work();
  return counter.flops();
}

at::Tensor trains(at::IntArrayRef sizes) { return at::ones(sizes).requires_grad_(true); }

TEST(Flops, OfMatrixProductsForwardAndBackward) {
  EXPECT_EQ(counted([] { at::mm(at::ones({2, 3}), at::ones({3, 4})); }), 2.0 * 2 * 3 * 4);
  EXPECT_EQ(counted([] { at::matmul(at::ones({5, 2, 3}), at::ones({5, 3, 4})); }), 5 * 2.0 * 2 * 3 * 4);
  EXPECT_EQ(counted([] { at::linear(trains({7, 3}), trains({4, 3}), trains({4})).sum().backward(); }), 3 * 2.0 * 7 * 3 * 4);
  EXPECT_EQ(counted([] { at::linear(at::ones({7, 3}), trains({4, 3}), trains({4})).sum().backward(); }), 2 * 2.0 * 7 * 3 * 4);
}

TEST(Flops, OfConvolutions) {
  const auto input = [] { return trains({2, 3, 8, 8}); };
  const double forward = 2.0 * 2 * 4 * 4 * (5 * 3 * 3 * 3);  // 8 x 8, kernel 3, stride 2, padding 1 -> 4 x 4
  EXPECT_EQ(counted([&] { at::conv2d(input(), trains({5, 3, 3, 3}), {}, 2, 1).detach(); }), forward);
  EXPECT_EQ(counted([&] { at::conv2d(input(), trains({5, 3, 3, 3}), {}, 2, 1).sum().backward(); }), 3 * forward);
  EXPECT_EQ(counted([&] { at::conv2d(at::ones({2, 3, 8, 8}), trains({5, 3, 3, 3}), {}, 2, 1).sum().backward(); }), 2 * forward);
  EXPECT_EQ(counted([&] {
              at::conv_transpose2d(input(), trains({3, 5, 2, 2}), {}, 2).sum().backward();
            }),
            3 * 2.0 * 2 * 8 * 8 * (3 * 5 * 2 * 2));
}

TEST(Flops, OfAttention) {
  const auto one = [] { return trains({2, 4, 6, 8}); };
  const double forward = 2.0 * 2 * 4 * 6 * 6 * (8 + 8);
  EXPECT_EQ(counted([&] { at::scaled_dot_product_attention(one(), one(), one()).detach(); }), forward);
  EXPECT_EQ(counted([&] { at::scaled_dot_product_attention(one(), one(), one()).sum().backward(); }),
            forward + 2.0 * 2 * 4 * 6 * 6 * (5 * 8));
}

TEST(Flops, OfOtherThreadsAndOfKernelsThatReportThemselves) {
  EXPECT_EQ(counted([] { std::thread([] { at::mm(at::ones({2, 3}), at::ones({3, 4})); }).join(); }), 48.0);
  EXPECT_EQ(counted([] {
              const std::vector<c10::IValue> inputs = {12.0};
              RECORD_FUNCTION("sam3lab::flops", inputs);
            }),
            12.0);
  EXPECT_EQ(counted([] { at::ones({2, 3}).add(1.0).exp(); }), 0.0);
}

TEST(CostMeter, CountsAKindOfStepOnceAndKeepsIt) {
  CostMeter meter;
  const auto step = [&](const std::string& kind, std::int64_t rows) {
    StepRow row;
    meter.start();
    meter.work(kind);
    at::mm(at::ones({rows, 3}), at::ones({3, 4}));
    meter.stop(row);
    return row;
  };
  EXPECT_EQ(step("a", 2).flops, 48.0);
  EXPECT_EQ(step("b", 4).flops, 96.0);
  EXPECT_EQ(step("a", 100).flops, 48.0);  // not counted again
  EXPECT_EQ(step("", 2).flops, 48.0);
  EXPECT_EQ(step("", 100).flops, 2400.0);  // of no kind: counted each time
  const StepRow row = step("a", 2);
  EXPECT_GT(row.seconds, 0.0);
  EXPECT_LT(row.seconds, 10.0);
  EXPECT_GT(row.peak_memory_mib, 1.0);
  EXPECT_EQ(row.device_memory_mib, 0.0);
  EXPECT_EQ(std::isnan(row.joules), meter.energy_source().find("not available") != std::string::npos);
}

class Rapl : public testing::Test {
 protected:
  void domain(const std::string& name, const std::string& title, const std::string& microjoules, const std::string& range) {
    std::filesystem::create_directories(folder_ / name);
    std::ofstream(folder_ / name / "name") << title << "\n";
    std::ofstream(folder_ / name / "energy_uj") << microjoules << "\n";
    std::ofstream(folder_ / name / "max_energy_range_uj") << range << "\n";
  }
  test::TempFolder temporary_;
  std::filesystem::path folder_ = temporary_.path();
};

TEST_F(Rapl, SumsPackagesAndMemoryAndGoesRoundTheEnd) {
  domain("intel-rapl:0", "package-0", "9000000", "10000000");
  domain("intel-rapl:0:0", "core", "1", "10000000");
  domain("intel-rapl:0:1", "dram", "500000", "10000000");
  domain("intel-rapl:1", "psys", "1", "10000000");
  EnergyMeter meter(-1, folder_);
  EXPECT_EQ(meter.source(), "RAPL package-0, dram");
  domain("intel-rapl:0", "package-0", "9500000", "10000000");
  domain("intel-rapl:0:0", "core", "400000", "10000000");
  domain("intel-rapl:0:1", "dram", "750000", "10000000");
  EXPECT_NEAR(meter.take(), 0.75, 1e-9);
  domain("intel-rapl:0", "package-0", "200000", "10000000");
  EXPECT_NEAR(meter.take(), 0.7, 1e-9);
  std::filesystem::remove(folder_ / "intel-rapl:0:1" / "energy_uj");
  EXPECT_TRUE(std::isnan(meter.take()));
}

TEST_F(Rapl, TakesThePlatformWhereNoPackageIs) {
  domain("intel-rapl:0", "package-0", "unreadable", "10000000");
  domain("intel-rapl:1", "psys", "1000000", "10000000");
  EnergyMeter meter(-1, folder_);
  EXPECT_EQ(meter.source(), "RAPL psys");
  domain("intel-rapl:1", "psys", "3000000", "10000000");
  EXPECT_NEAR(meter.take(), 2.0, 1e-9);
}

TEST_F(Rapl, SaysThatThereIsNothing) {
  EnergyMeter meter(-1, folder_);
  EXPECT_THAT(meter.source(), HasSubstr("not available"));
  EXPECT_TRUE(std::isnan(meter.take()));
  domain("intel-rapl:0", "package-0", "1", "0");
  EXPECT_TRUE(rapl_domains(folder_).empty());
}

}  // namespace
}  // namespace sam3lab::cost_test
