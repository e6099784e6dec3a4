// The most confident mask of a prompt, and the merge into one map.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include <sam3lab/api/error.h>

#include "core/eval/predict.h"

namespace sam3lab::predict_test {
namespace {

Outputs two_object_queries(float presence) {
  Outputs outputs;
  outputs.last.one_to_one.logits = at::tensor({-1.0F, 2.0F}).view({1, 2, 1});
  outputs.last.presence = at::full({1, 1}, presence);
  auto masks = at::full({1, 2, 4, 4}, -5.0F);
  masks.select(1, 1).narrow(2, 0, 2).fill_(5.0F);  // the second object query: the left half
  outputs.last.one_to_one.masks = masks;
  return outputs;
}

TEST(Predict, TakesTheMostConfidentMask) {
  const auto predictions = predict(two_object_queries(3.0F), 0, 1, 8, 8, {});
  ASSERT_EQ(predictions.size(), 1U);
  const double expected = 1.0 / ((1.0 + std::exp(-2.0)) * (1.0 + std::exp(-3.0)));
  EXPECT_NEAR(predictions[0].confidence, expected, 1e-6);
  EXPECT_TRUE(predictions[0].fired);
  EXPECT_TRUE(predictions[0].mask.narrow(1, 0, 4).all().item<bool>());
  EXPECT_FALSE(predictions[0].mask.narrow(1, 4, 4).any().item<bool>());
}

TEST(Predict, AnAbsentConceptDoesNotFire) {
  const auto predictions = predict(two_object_queries(-3.0F), 0, 1, 8, 8, {});
  EXPECT_FALSE(predictions[0].fired);
  EXPECT_TRUE(predictions[0].mask.any().item<bool>()) << "the mask itself is kept, for figures without the confidence rule";
}

TEST(Predict, NotANumberIsAnErrorAndNotAbsence) {
  auto outputs = two_object_queries(3.0F);
  outputs.last.one_to_one.logits[0][0][0] = std::nan("");
  EXPECT_THROW((void)predict(outputs, 0, 1, 8, 8, {}), NumericError);
  outputs = two_object_queries(3.0F);
  outputs.last.one_to_one.masks[0][1][2][2] = std::numeric_limits<float>::infinity();
  EXPECT_THROW((void)predict(outputs, 0, 1, 8, 8, {}), NumericError);
  outputs.last.one_to_one.masks[0][1][2][2] = 1.0F;
  outputs.last.presence.fill_(std::nan(""));
  EXPECT_THROW((void)find_instances(outputs, 0, 8, 8, 0.1), NumericError);
}

Prediction full(double confidence, float probability, bool fired = true) {
  return {confidence, fired, at::full({2, 2}, probability), at::full({2, 2}, probability >= 0.5F, at::kBool)};
}

TEST(Merge, TheStrongestTakesThePixel) {
  EXPECT_TRUE(merge({full(0.5, 0.9F), full(0.9, 0.8F)}, 2, 2).eq(1).all().item<bool>());
  EXPECT_TRUE(merge({full(0.5, 0.9F), full(0.9, 0.8F, false)}, 2, 2).eq(0).all().item<bool>());
  EXPECT_TRUE(merge({full(0.9, 0.4F)}, 2, 2).eq(-1).all().item<bool>()) << "below the mask threshold nobody owns a pixel";
  EXPECT_TRUE(merge({}, 2, 2).eq(-1).all().item<bool>());
}

}  // namespace
}  // namespace sam3lab::predict_test
