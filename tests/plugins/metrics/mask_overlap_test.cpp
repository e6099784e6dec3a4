// The rule for empty masks in Dice and IoU.
#include <vector>

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <sam3lab/api/error.h>

#include "plugins/metrics/shared/mask_overlap.h"

namespace sam3lab::mask_overlap_test {
using namespace metrics;
namespace {

at::Tensor mask(std::vector<std::uint8_t> values) { return at::tensor(values, at::kByte).view({2, 3}).to(at::kBool); }

TEST(MaskOverlap, CountsPixels) {
  const auto overlap = overlap_of({mask({1, 1, 1, 0, 0, 0}), mask({0, 1, 1, 1, 0, 0})});
  EXPECT_DOUBLE_EQ(overlap.dice(), 4.0 / 6.0);
  EXPECT_DOUBLE_EQ(overlap.iou(), 2.0 / 4.0);
}

TEST(MaskOverlap, EmptyMasks) {
  const auto none = mask({0, 0, 0, 0, 0, 0}), some = mask({1, 0, 0, 0, 0, 0});
  EXPECT_DOUBLE_EQ(overlap_of({none, none}).dice(), 1.0);
  EXPECT_DOUBLE_EQ(overlap_of({none, none}).iou(), 1.0);
  EXPECT_DOUBLE_EQ(overlap_of({some, none}).dice(), 0.0);
  EXPECT_DOUBLE_EQ(overlap_of({none, some}).iou(), 0.0);
}

TEST(MaskOverlap, RefusesMasksOfDifferentSizes) {
  EXPECT_THROW((void)overlap_of({at::zeros({2, 3}, at::kBool), at::zeros({3, 2}, at::kBool)}), DataError);
}

}  // namespace
}  // namespace sam3lab::mask_overlap_test
