#include "core/eval/overlay.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

namespace sam3lab::overlay_test {
namespace {

// Grey, 40 rows by 60 columns; the truth is a square on the left, the prediction one on the right.
OverlayCase two_squares() {
  OverlayCase shown{torch::full({40, 60, 3}, 128, torch::kUInt8), torch::zeros({40, 60}, torch::kBool),
                    torch::zeros({40, 60}, torch::kBool), "ct: lungs, Dice 0.00"};
  shown.truth.slice(0, 10, 20).slice(1, 5, 15).fill_(true);
  shown.prediction.slice(0, 10, 20).slice(1, 40, 50).fill_(true);
  return shown;
}

// Whether the pixel differs from the grey image.
bool coloured(const at::Tensor& picture, std::int64_t row, std::int64_t column) {
  return !picture[row][column].eq(128).all().item<bool>();
}

TEST(Overlay, ShowsImageTruthAndPredictionSideBySide) {
  const auto picture = draw_overlay(two_squares());
  ASSERT_EQ(picture.scalar_type(), torch::kUInt8);
  ASSERT_EQ(picture.size(2), 3);
  const std::int64_t factor = 7;  // 40 pixels need seven times as many to reach 256
  const std::int64_t width = 60 * factor, top = picture.size(0) - 40 * factor;
  ASSERT_GT(top, 0);
  const std::int64_t gap = (picture.size(1) - 3 * width) / 2;
  const auto at = [&](int panel, std::int64_t row, std::int64_t column) {
    return coloured(picture, top + row * factor + factor / 2, panel * (width + gap) + column * factor + factor / 2);
  };
  EXPECT_FALSE(at(0, 15, 10));
  EXPECT_FALSE(at(0, 15, 45));
  EXPECT_TRUE(at(1, 15, 10));
  EXPECT_FALSE(at(1, 15, 45));
  EXPECT_FALSE(at(2, 15, 10));
  EXPECT_TRUE(at(2, 15, 45));
  EXPECT_FALSE(at(2, 30, 45));
  EXPECT_TRUE(picture.slice(0, 0, top).lt(100).any().item<bool>());  // the caption's letters
}

TEST(Overlay, DarkensIgnoredPixelsBesideTheImage) {
  auto shown = two_squares();
  shown.ignore = torch::zeros({40, 60}, torch::kBool);
  shown.ignore.slice(0, 30, 40).fill_(true);
  const auto picture = draw_overlay(shown), lowest = picture[picture.size(0) - 4];
  const std::int64_t width = 60 * 7, gap = (picture.size(1) - 3 * width) / 2;
  EXPECT_EQ(lowest[width / 2][0].item<int>(), 128);
  for (const int panel : {1, 2}) EXPECT_LT(lowest[panel * (width + gap) + width / 2][0].item<int>(), 60);
  shown.ignore = torch::zeros({39, 60}, torch::kBool);
  EXPECT_THROW(draw_overlay(shown), UsageError);
}

TEST(Overlay, LeavesALargeImageAtItsSize) {
  auto shown = two_squares();
  shown = {shown.image.repeat({10, 10, 1}), shown.truth.repeat({10, 10}), shown.prediction.repeat({10, 10}), ""};
  EXPECT_LT(draw_overlay(shown).size(0), 500);
}

TEST(Overlay, DoesWithoutATruth) {
  auto shown = two_squares();
  const auto three = draw_overlay(shown).size(1);
  shown.truth = at::Tensor();
  EXPECT_NEAR(static_cast<double>(draw_overlay(shown).size(1)), 2.0 / 3 * static_cast<double>(three), 8);
}

TEST(Overlay, TakesAnyCaption) {
  auto shown = two_squares();
  shown.caption = std::string(5000, 'w') + "\n\xc3\xa9\xff";
  EXPECT_EQ(draw_overlay(shown).size(1), draw_overlay(two_squares()).size(1));
}

TEST(Overlay, RefusesMasksOfAnotherSize) {
  auto shown = two_squares();
  shown.truth = torch::zeros({40, 59}, torch::kBool);
  EXPECT_THROW(draw_overlay(shown), UsageError);
  shown = two_squares();
  shown.prediction = at::Tensor();
  EXPECT_THROW(draw_overlay(shown), UsageError);
  shown = two_squares();
  shown.image = shown.image.to(torch::kFloat32);
  EXPECT_THROW(draw_overlay(shown), UsageError);
}

TEST(ContactSheet, StacksPicturesAtTheWidthOfTheNarrowest) {
  const auto wide = torch::full({100, 200, 3}, 10, torch::kUInt8), narrow = torch::full({30, 100, 3}, 200, torch::kUInt8);
  const auto sheet = contact_sheet({wide, narrow});
  ASSERT_EQ(sheet.sizes(), (std::vector<std::int64_t>{80, 100, 3}));
  EXPECT_EQ(sheet[0][0][0].item<int>(), 10);
  EXPECT_EQ(sheet[79][99][2].item<int>(), 200);
  EXPECT_THROW(contact_sheet({}), UsageError);
}

}  // namespace
}  // namespace sam3lab::overlay_test
