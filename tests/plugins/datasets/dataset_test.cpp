#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/instance_image/image_tiles.h"
#include "plugins/datasets/label_volume/volume_slices.h"
#include "tests/support/make_files.h"

namespace sam3lab::dataset_test {
using namespace datasets::instance_image;
using namespace datasets::label_volume;
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Make>
std::string refusal(Make make) {
  try {
    make();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + " " + error.what();
  }
  return "";
}

// A volume of 4 x 5 x 6 whose axes run to the patient's right, anterior, superior; `marks` are (x, y, z, value).
void write_volume(const std::string& path, const std::vector<std::array<int, 4>>& marks,
                  const test::Rows& rows = test::identity_rows) {
  std::vector<std::int16_t> voxels(4 * 5 * 6, 0);
  for (const auto& [x, y, z, value] : marks)
    voxels[static_cast<std::size_t>(x + 4 * (y + 5 * z))] = static_cast<std::int16_t>(value);
  test::write_bytes(path, test::nifti_bytes(test::nifti_header<std::int16_t>({4, 5, 6}, NIFTI_TYPE_INT16, rows), voxels));
}

class LabelVolumeTest : public testing::Test {
 protected:
  LabelVolumeTest() {
    write_volume(folder_ / "scan.nii", {{3, 4, 2, 100}, {0, 0, 5, 50}});
    write_volume(folder_ / "labels.nii", {{3, 4, 2, 7}, {0, 0, 2, 7}, {1, 1, 2, 9}, {0, 3, 5, 8}});
    test::write_text(folder_ / "table.toml", "\"corner\" = [7]\n\"pair\" = [8, 9]\n\"all\" = \"nonzero\"\n");
    options_.image = folder_ / "scan.nii";
    options_.labels = folder_ / "labels.nii";
    options_.table = folder_ / "table.toml";
    options_.window = "range";
    options_.range = {0, 100};
  }
  TempFolder folder_;
  LabelVolumeOptions options_;
};

TEST_F(LabelVolumeTest, SlicesLieUpright) {
  const VolumeSlices axial(options_);
  ASSERT_EQ(axial.size(), 6);
  EXPECT_EQ(axial.item(2).id, "scan/axial/002");
  EXPECT_EQ(axial.item(2).subject, "scan");
  EXPECT_EQ(axial.item(2).end, 3.0);
  const auto slice = axial.load(2);
  ASSERT_EQ(slice.image.sizes(), torch::IntArrayRef({5, 4, 3}));
  EXPECT_EQ(slice.image[0][0][1].item<int>(), 255);  // right and anterior: upper left
  EXPECT_EQ(slice.image.ne(0).sum().item<int>(), 3);

  options_.axis = "coronal";
  const auto coronal = VolumeSlices(options_).load(4);
  ASSERT_EQ(coronal.image.sizes(), torch::IntArrayRef({6, 4, 3}));
  EXPECT_EQ(coronal.image[3][0][0].item<int>(), 255);  // z = 2 of 0..5, superior up; right on the left
  options_.axis = "sagittal";
  const auto sagittal = VolumeSlices(options_).load(3);
  ASSERT_EQ(sagittal.image.sizes(), torch::IntArrayRef({6, 5, 3}));
  EXPECT_EQ(sagittal.image[3][0][0].item<int>(), 255);  // anterior on the left
}

TEST_F(LabelVolumeTest, OrientationComesFromTheHeader) {
  const auto expected = VolumeSlices(options_).load(2);
  // The same volume stored with x and z reversed.
  const test::Rows mirrored = {{{-1, 0, 0, 3}, {0, 1, 0, 0}, {0, 0, -1, 5}}};
  write_volume(folder_ / "scan.nii", {{0, 4, 3, 100}, {3, 0, 0, 50}}, mirrored);
  write_volume(folder_ / "labels.nii", {{0, 4, 3, 7}, {3, 0, 3, 7}, {2, 1, 3, 9}, {3, 3, 0, 8}}, mirrored);
  const auto got = VolumeSlices(options_).load(2);
  EXPECT_TRUE(got.image.equal(expected.image));
  ASSERT_EQ(got.labels.size(), expected.labels.size());
  for (std::size_t i = 0; i < got.labels.size(); ++i) EXPECT_TRUE(got.labels[i].masks.equal(expected.labels[i].masks));
}

TEST_F(LabelVolumeTest, LabelsByClassAndByInstance) {
  const VolumeSlices by_class(options_);
  EXPECT_THAT(by_class.labels(), ElementsAre("all", "corner", "pair"));
  const auto slice = by_class.load(2);
  ASSERT_EQ(slice.labels.size(), 3U);
  EXPECT_EQ(slice.labels[0].masks.sum().item<int>(), 3);
  EXPECT_EQ(slice.labels[1].label, "corner");
  ASSERT_EQ(slice.labels[1].masks.sizes(), torch::IntArrayRef({1, 5, 4}));
  EXPECT_TRUE(slice.labels[1].masks[0][0][0].item<bool>());
  EXPECT_TRUE(slice.labels[1].masks[0][4][3].item<bool>());
  EXPECT_TRUE(by_class.load(0).labels.empty());
  options_.targets = "instances";
  EXPECT_EQ(VolumeSlices(options_).load(2).labels[1].masks.size(0), 2);
}

TEST_F(LabelVolumeTest, SmallMasksMakeTheSliceUnsure) {
  options_.min_pixels = 2;
  const auto slice = VolumeSlices(options_).load(2);
  ASSERT_EQ(slice.labels.size(), 2U);  // all (3), corner (2)
  EXPECT_THAT(slice.unsure, ElementsAre("pair"));
  EXPECT_TRUE(VolumeSlices(options_).load(0).unsure.empty());
}

TEST_F(LabelVolumeTest, EverySecondAndOnlyLabelledSlices) {
  options_.every = 2;
  EXPECT_EQ(VolumeSlices(options_).size(), 3);
  options_.every = 1;
  options_.keep_empty = false;
  const VolumeSlices labelled(options_);
  ASSERT_EQ(labelled.size(), 2);
  EXPECT_EQ(labelled.item(1).begin, 5.0);
}

TEST_F(LabelVolumeTest, Refusals) {
  const auto refuse = [this] { return refusal([this] { static_cast<void>(VolumeSlices(options_).size()); }); };
  write_volume(folder_ / "shifted.nii", {}, {{{1, 0, 0, 2}, {0, 1, 0, 0}, {0, 0, 1, 0}}});
  options_.labels = folder_ / "shifted.nii";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("3 "), HasSubstr("another place"), HasSubstr("2 mm")));
  test::write_bytes(folder_ / "small.nii", test::nifti_bytes(test::nifti_header<std::int16_t>({4, 5, 5}, NIFTI_TYPE_INT16),
                                                             std::vector<std::int16_t>(100)));
  options_.labels = folder_ / "small.nii";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("3 "), HasSubstr("got 4 x 5 x 5"), HasSubstr("4 x 5 x 6")));
  options_.labels = folder_ / "none.nii";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("3 "), HasSubstr("none.nii"), HasSubstr("no such file")));
  write_volume(folder_ / "negative.nii", {{0, 0, 0, -4}});
  options_.labels = folder_ / "negative.nii";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("3 "), HasSubstr("no label values")));
  test::write_text(folder_ / "table.toml", "\"a\" = [7, 7, -1]\n\"b\" = 3\n\"c\" = []\n");
  EXPECT_THAT(refuse(), AllOf(HasSubstr("2 "), HasSubstr("table.toml:1"), HasSubstr("twice"), HasSubstr("table.toml:2"),
                              HasSubstr("table.toml:3")));
  test::write_text(folder_ / "table.toml", "");
  EXPECT_THAT(refuse(), AllOf(HasSubstr("2 "), HasSubstr("empty")));
  options_.table = folder_ / "no.toml";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("2 "), HasSubstr("no.toml")));
}

TEST_F(LabelVolumeTest, AVolumeWithoutContrastNeedsARange) {
  write_volume(folder_ / "scan.nii", {});
  options_.window = "percentiles";
  EXPECT_THAT(refusal([this] { static_cast<void>(VolumeSlices(options_).size()); }), HasSubstr("without contrast"));
}

class InstanceImageTest : public testing::Test {
 protected:
  InstanceImageTest() {  // 6 x 8: object 1 is 2 x 3 at the upper left, object 2 a pixel, object 300 a column of 6 at the right
    auto objects = torch::zeros({6, 8}, torch::kInt32);
    objects.slice(0, 0, 2).slice(1, 0, 3).fill_(1);
    objects[4][2] = 2;
    objects.select(1, 7).fill_(300);
    write_png(folder_ / "objects.png", objects);
    auto types = torch::zeros({6, 8}, torch::kInt32);
    types.slice(0, 0, 2).slice(1, 0, 3).fill_(2);
    types[0][0] = 1;  // a stray pixel of another type inside object 1
    types[4][2] = 5;
    types.select(1, 7).fill_(1);
    write_png(folder_ / "types.png", types);
    write_png(folder_ / "image.png", objects);  // 16 bits, grey
    test::write_text(folder_ / "types.toml", "\"column\" = [1]\n\"block\" = [2]\n");
    options_.image = folder_ / "image.png";
    options_.instances = folder_ / "objects.png";
    options_.label = "thing";
    options_.shown.low_percentile = 0;
    options_.shown.high_percentile = 100;
  }
  TempFolder folder_;
  InstanceImageOptions options_;
};

TEST_F(InstanceImageTest, WholeImage) {
  const ImageTiles tiles(options_);
  ASSERT_EQ(tiles.size(), 1);
  EXPECT_EQ(tiles.item(0).subject, "image");
  EXPECT_EQ(tiles.item(0).end, 8.0);
  const auto image = tiles.load(0);
  ASSERT_EQ(image.image.sizes(), torch::IntArrayRef({6, 8, 3}));
  EXPECT_EQ(image.image[0][7][2].item<int>(), 255);
  ASSERT_EQ(image.labels.size(), 1U);
  EXPECT_EQ(image.labels[0].masks.sum().item<int>(), 13);
  options_.targets = "instances";
  EXPECT_EQ(ImageTiles(options_).load(0).labels[0].masks.size(0), 3);
}

TEST_F(InstanceImageTest, TypesBackgroundAndSmallObjects) {
  options_.label = "";
  options_.types = folder_ / "types.png";
  options_.table = folder_ / "types.toml";
  options_.background = "rest";
  const ImageTiles tiles(options_);
  EXPECT_THAT(tiles.labels(), ElementsAre("block", "column", "rest"));
  const auto image = tiles.load(0);
  ASSERT_EQ(image.labels.size(), 3U);
  EXPECT_EQ(image.labels[0].masks.sum().item<int>(), 6);  // the stray pixel follows its object
  EXPECT_EQ(image.labels[1].masks.sum().item<int>(), 6);
  EXPECT_EQ(image.labels[2].masks.sum().item<int>(), 48 - 13);  // the object of unlisted type is neither label nor rest
  options_.min_pixels = 7;
  EXPECT_THAT(ImageTiles(options_).load(0).unsure, ElementsAre("block", "column"));
}

TEST_F(InstanceImageTest, TilesCoverTheImageAndAreCutInPlace) {
  options_.tile = 3;
  options_.stride = 2;
  const ImageTiles tiles(options_);
  ASSERT_EQ(tiles.size(), 3 * 4);  // rows 0 2 3, columns 0 2 4 5
  EXPECT_EQ(tiles.item(3).id, "image/columns/y00000x00005");
  EXPECT_EQ(tiles.item(3).begin, 5.0);
  const auto last = tiles.load(3);
  ASSERT_EQ(last.image.sizes(), torch::IntArrayRef({3, 3, 3}));
  EXPECT_EQ(last.labels.at(0).masks[0].select(1, 2).sum().item<int>(), 3);
  EXPECT_TRUE(tiles.load(2).labels.empty());
}

TEST_F(InstanceImageTest, Refusals) {
  const auto refuse = [this] { return refusal([this] { static_cast<void>(ImageTiles(options_).size()); }); };
  write_png(folder_ / "small.png", torch::zeros({6, 7}, torch::kUInt8));
  options_.instances = folder_ / "small.png";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("3 "), HasSubstr("got 6 x 7"), HasSubstr("6 x 8")));
  auto bytes = test::read_bytes(folder_ / "objects.png");
  bytes.resize(bytes.size() - 20);
  test::write_bytes(folder_ / "cut.png", bytes);
  options_.instances = folder_ / "cut.png";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("3 "), HasSubstr("cut.png"), HasSubstr("not a readable PNG")));
  options_.label = "";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("2 "), HasSubstr("one source of labels")));
  options_.types = folder_ / "types.png";
  EXPECT_THAT(refuse(), AllOf(HasSubstr("2 "), HasSubstr("go together")));
}

}  // namespace
}  // namespace sam3lab::dataset_test
