#include "core/record/metric_value.h"

#include <limits>

#include <gtest/gtest.h>

namespace sam3lab::metric_value_test {
namespace {

TEST(MetricValue, HasItsUnit) {
  MetricInfo info;
  EXPECT_EQ(value_text(info, 0.7312), "0.7312");
  EXPECT_EQ(value_text(info, std::nullopt), "undefined");
  info.unit = "mm";
  EXPECT_EQ(value_text(info, 4.213, 2), "4.21 mm");
}

TEST(MetricValue, DirectionAndRange) {
  MetricInfo info;
  EXPECT_EQ(direction_text(info), "higher is better");
  EXPECT_EQ(range_text(info), "0 to 1");
  info.higher_is_better = false;
  info.lowest = -2.5;
  info.highest = std::numeric_limits<double>::infinity();
  EXPECT_EQ(direction_text(info), "lower is better");
  EXPECT_EQ(range_text(info), "-2.5 to infinity");
  EXPECT_TRUE(info.better(1.0, 2.0));
  EXPECT_FALSE(info.better(2.0, 2.0));
}

}  // namespace
}  // namespace sam3lab::metric_value_test
