#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>

#include <sam3lab/api/error.h>

#include "core/image/burned_in_text.h"
#include "core/data/anonymise.h"
#include "core/data/open_dataset.h"
#include "tests/support/make_files.h"

namespace sam3lab::anonymise_test {
namespace {

using testing::HasSubstr;

class OneImage final : public Dataset {
 public:
  OneImage(at::Tensor image, Item item) : image_(std::move(image)), item_(std::move(item)) {}
  [[nodiscard]] std::int64_t size() const override { return 1; }
  [[nodiscard]] Item item(std::int64_t) const override { return item_; }
  [[nodiscard]] LabelledImage load(std::int64_t) const override {
    LabelledImage image;
    image.image = image_;
    auto left = at::zeros({1, image_.size(0), image_.size(1)}, at::kBool), right = left.clone();
    left[0][0][0] = true;
    right[0][1][1] = true;
    image.labels = {{"left", left}, {"right", right}};
    return image;
  }
  [[nodiscard]] std::vector<std::string> labels() const override { return {"left", "right"}; }
  [[nodiscard]] std::vector<std::string> files() const override { return {"image.png"}; }
  [[nodiscard]] double gap() const override { return 0; }

 private:
  at::Tensor image_;
  Item item_;
};

TEST(Anonymise, BoxesAreBlackAndTheSourceStaysAsItIs) {
  const auto bright = at::full({10, 20, 3}, 200, at::kByte);
  const auto inner = std::make_shared<OneImage>(bright, Item{"a", "a", 0, 1, "", ""});
  DatasetOptions options;
  EXPECT_EQ(anonymised(inner, options), inner);
  options.anonymise_boxes = {0, 0, 1, 0.25, 0.5, 0.9, 0.55, 1};
  const auto image = anonymised(inner, options)->load(0).image;
  EXPECT_EQ(image.narrow(0, 0, 3).sum().item<int>(), 0);  // 2.5 rows, rounded outwards
  EXPECT_EQ(image.eq(0).sum().item<int>(), 3 * (3 * 20 + 1));
  EXPECT_EQ(image[9][10][0].item<int>(), 0);
  EXPECT_TRUE(bright.eq(200).all().item<bool>());
}

TEST(Anonymise, FacesAreCutFromSlicesAsTheyLie) {
  const test::TempFolder folder;
  // 4 x 5 x 6 to the right, anterior, superior; the face is one voxel: right, anterior, fourth slice.
  std::vector<std::int16_t> voxels(4 * 5 * 6, 0);
  voxels[static_cast<std::size_t>(3 + 4 * (4 + 5 * 3))] = 1;
  test::write_bytes(folder / "p1_face.nii",
                    test::nifti_bytes(test::nifti_header<std::int16_t>({4, 5, 6}, NIFTI_TYPE_INT16), voxels));
  DatasetOptions options;
  options.anonymise_faces = folder / "{subject}_face.nii";
  const auto slice = [&](const std::string& id, double number, std::int64_t rows, std::int64_t columns) {
    const auto inner =
        std::make_shared<OneImage>(at::full({rows, columns, 3}, 9, at::kByte), Item{id, "p1", number, number + 1, "", ""});
    return anonymised(inner, options);
  };
  const auto cut = slice("p1/axial/003", 3, 5, 4)->load(0).image;
  EXPECT_EQ(cut[0][0][0].item<int>(), 0);  // upper left
  EXPECT_EQ(cut.eq(0).sum().item<int>(), 3);
  EXPECT_EQ(slice("p1/axial/002", 2, 5, 4)->load(0).image.eq(0).sum().item<int>(), 0);
  EXPECT_EQ(slice("p1/sagittal/003", 3, 6, 5)->load(0).image[2][0][0].item<int>(), 0);
  EXPECT_THAT(slice("p1/axial/003", 3, 5, 4)->files(), testing::ElementsAre("image.png", folder / "p1_face.nii"));
  const auto refusal = [&](const std::shared_ptr<Dataset>& dataset) -> std::string {
    try {
      (void)dataset->load(0);
    } catch (const DataError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal(slice("p1/axial/003", 3, 7, 4)), HasSubstr("another grid"));
  EXPECT_THAT(refusal(slice("p1/axial/009", 9, 5, 4)), HasSubstr("another grid"));
  EXPECT_THAT(refusal(slice("p1", 0, 5, 4)), HasSubstr("needs slices of a volume"));
}

TEST(Anonymise, FindsTextAndNotTissue) {
  auto image = at::empty({300, 400, 3}, at::kByte);
  cv::Mat canvas(300, 400, CV_8UC3, image.data_ptr());
  cv::RNG random(1);
  cv::Mat speckle(300, 400, CV_8U);
  random.fill(speckle, cv::RNG::NORMAL, 70, 25);
  cv::GaussianBlur(speckle, speckle, {5, 5}, 0);
  cv::cvtColor(speckle, canvas, cv::COLOR_GRAY2BGR);
  cv::circle(canvas, {200, 180}, 60, {150, 150, 150}, -1);
  cv::circle(canvas, {120, 200}, 6, {255, 255, 255}, -1);  // one bright spot is no word
  EXPECT_EQ(burned_in_text(image).sum().item<int>(), 0);
  const auto before = image.clone();
  cv::putText(canvas, "DOE JANE 1970", {20, 30}, cv::FONT_HERSHEY_SIMPLEX, 0.6, {255, 255, 255}, 1, cv::LINE_AA);
  const auto found = burned_in_text(image);
  const auto letters = image.ne(before).any(2);
  EXPECT_GT(letters.logical_and(found).sum().item<double>(), 0.95 * letters.sum().item<double>());
  EXPECT_EQ(found.narrow(0, 60, 240).sum().item<int>(), 0) << "nothing but the line";
  DatasetOptions options;
  options.anonymise_text = true;
  const auto clean = anonymised(std::make_shared<OneImage>(image, Item{"a", "a", 0, 1, "", ""}), options)->load(0).image;
  EXPECT_TRUE(clean.masked_select(found.unsqueeze(2)).eq(0).all().item<bool>());
}

TEST(Anonymise, OnePromptJoinsAllLabels) {
  const auto inner = std::make_shared<OneImage>(at::full({4, 4, 3}, 9, at::kByte), Item{"a", "a", 0, 1, "", ""});
  const auto joined = under_one_prompt(inner, "optic disc and cup");
  EXPECT_THAT(joined->labels(), testing::ElementsAre("optic disc and cup"));
  const auto image = joined->load(0);
  ASSERT_EQ(image.labels.size(), 1U);
  EXPECT_EQ(image.labels[0].masks.sizes(), at::IntArrayRef({1, 4, 4}));
  EXPECT_EQ(image.labels[0].masks.sum().item<int>(), 2);
  DatasetOptions options;
  options.prompt = "published";
  options.published_prompt = "optic disc and cup";
  EXPECT_EQ(texts_of_labels(*joined, options, {}).at("optic disc and cup"), "optic disc and cup");
}

}  // namespace
}  // namespace sam3lab::anonymise_test
