// COCO masks against values computed by hand and against COCO's own library (scripts/golden/coco_masks.py), and the dataset
// over generated folders.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/coco/coco_images.h"
#include "plugins/datasets/coco/coco_masks.h"
#include "tests/support/make_files.h"

namespace sam3lab::coco_test {
using namespace datasets::coco;
namespace {

using Runs = std::vector<std::uint32_t>;
using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;
using testing::SizeIs;

at::Tensor mask(const std::vector<std::string>& rows) {
  auto out = torch::zeros({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(rows[0].size())}, torch::kBool);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c)
      out[static_cast<std::int64_t>(r)][static_cast<std::int64_t>(c)] = rows[r][c] == '1';
  }
  return out;
}

TEST(CocoMasks, StringCodeByHand) {
  EXPECT_THAT(runs_of_code("2340"), Optional(Runs{2, 3, 4, 3}));      // the fourth is 3 more than nothing: 3 - 3 = 0
  EXPECT_THAT(runs_of_code("234NN"), Optional(Runs{2, 3, 4, 1, 2}));  // -2 is 30, whose sign bit is set
  EXPECT_THAT(runs_of_code("T3"), Optional(Runs{100}));               // 100 = 4 + 3 x 32
  EXPECT_THAT(runs_of_code("`0"), Optional(Runs{16}));                // 16 alone would be negative
  EXPECT_THAT(runs_of_code(""), Optional(Runs{}));
  EXPECT_EQ(runs_of_code("T"), std::nullopt);          // goes on, and ends
  EXPECT_EQ(runs_of_code("N"), std::nullopt);          // -2
  EXPECT_EQ(runs_of_code("2 3"), std::nullopt);        // no digit
  EXPECT_EQ(runs_of_code("oooooooo0"), std::nullopt);  // more digits than any run has
}

TEST(CocoMasks, RunsGoDownTheColumns) {
  EXPECT_TRUE(mask_of_runs({2, 3, 4, 3}, 3, 4).equal(mask({"0101", "0101", "1001"})));
  EXPECT_TRUE(mask_of_runs({0, 2, 2}, 2, 2).equal(mask({"10", "10"})));
  EXPECT_EQ(run_pixels({2, 3, 4, 3}), 12);
}

TEST(CocoMasks, PolygonsByHand) {
  const auto rectangle = mask({"000000", "011100", "011100", "000000", "000000"});
  EXPECT_TRUE(mask_of_polygons({{1, 1, 4, 1, 4, 3, 1, 3}}, 5, 6).equal(rectangle));
  EXPECT_TRUE(mask_of_polygons({{1, 1, 2, 1, 2, 3, 1, 3}, {2, 1, 4, 1, 4, 3, 2, 3}}, 5, 6).equal(rectangle)) << "a union";
  EXPECT_TRUE(mask_of_polygons({{-9, -9, 90, -9, 90, 90, -9, 90}}, 2, 3).all().item<bool>());
  EXPECT_FALSE(mask_of_polygons({{7, 7, 9, 7, 9, 9}}, 5, 6).any().item<bool>()) << "beside the image";
}

TEST(CocoMasks, AsItsOwnLibrary) {
  std::ifstream file(std::string(SAM3LAB_SOURCE_DIR) + "/tests/golden/coco_masks.json");
  const auto golden = nlohmann::json::parse(file);
  ASSERT_EQ(golden["polygons"].size(), 120U);
  ASSERT_EQ(golden["masks"].size(), 20U);
  for (const auto& one : golden["polygons"]) {
    const auto height = one["height"].get<std::int64_t>(), width = one["width"].get<std::int64_t>();
    const auto runs = runs_of_code(one["counts"].get<std::string>());
    ASSERT_TRUE(runs.has_value());
    ASSERT_EQ(run_pixels(*runs), height * width);
    const auto got = mask_of_polygons(one["polygons"].get<std::vector<std::vector<double>>>(), height, width);
    EXPECT_TRUE(got.equal(mask_of_runs(*runs, height, width))) << one.dump();
  }
  for (const auto& one : golden["masks"]) {
    const auto expected = mask(one["rows"].get<std::vector<std::string>>());
    const auto runs = runs_of_code(one["counts"].get<std::string>());
    ASSERT_TRUE(runs.has_value());
    EXPECT_TRUE(mask_of_runs(*runs, expected.size(0), expected.size(1)).equal(expected));
  }
}

class CocoTest : public testing::Test {
 protected:
  CocoTest() {
    for (const auto* subset : {"train", "val"}) {
      std::filesystem::create_directories(folder_ / (std::string(subset) + "/images/p1"));
      std::filesystem::create_directories(folder_ / (std::string(subset) + "/annotations"));
    }
    for (const auto* file : {"train/images/p1/a_1.png", "train/images/p1/a_2.png", "val/images/b_1.png"})
      write_png(folder_ / file, torch::full({5, 6}, 40, torch::kUInt8));
    test::write_text(folder_ / "train/annotations/train.json", R"({"info": {"deep": [[[1, 2]]]}, "annotations": [
      {"id": 1, "image_id": 10, "category_id": 3, "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]], "iscrowd": 0, "bbox": [1, 1, 3, 2]},
      {"id": 2, "image_id": 10, "category_id": 3, "segmentation": [[5, 0, 6, 0, 6, 5, 5, 5]]},
      {"id": 3, "image_id": 10, "category_id": 4, "segmentation": {"size": [5, 6], "counts": [0, 10, 20]}, "iscrowd": 1},
      {"id": 4, "image_id": 11, "category_id": 5, "segmentation": {"size": [5, 6], "counts": "n0"}}],
      "images": [{"id": 10, "file_name": "p1/a_1.png", "height": 5, "width": 6}, {"id": 11, "file_name": "p1/a_2.png"}],
      "categories": [{"id": 3, "name": "cell"}, {"id": 4, "name": "clump"}, {"id": 5, "name": "other"}]})");
    test::write_text(folder_ / "val/annotations/val.json",
                     R"({"images": [{"id": 1, "file_name": "b_1.png", "height": 5, "width": 6}],
      "categories": [{"id": 1, "name": "cell"}], "annotations": []})");
    options_.root = folder_ / "";
    options_.annotations = {"{subset}/annotations/{subset}.json"};
    options_.images = {"{subset:train|val}/images"};
    options_.subsets = {"val=validation"};
  }
  void write_json(const std::string& text) { test::write_text(folder_ / "val/annotations/val.json", text); }
  std::string first_fault() {
    const auto faults = CocoImages(options_).faults();
    return faults.empty() ? "" : faults[0].text();
  }
  TempFolder folder_;
  CocoOptions options_;
};

TEST_F(CocoTest, ImagesWithTheirLabels) {
  options_.name = "*{patient:[ab]}_{n}.png";
  options_.subject = "ward/{patient}";
  EXPECT_THAT(CocoImages(options_).faults(), SizeIs(2)) << "p1/a_1.png has a folder, which the template has not";
  options_.name.clear();
  options_.subject.clear();
  const CocoImages images(options_);
  EXPECT_THAT(images.faults(), SizeIs(0));
  EXPECT_THAT(images.labels(), ElementsAre("cell", "clump", "other"));
  ASSERT_EQ(images.size(), 3);
  EXPECT_EQ(images.item(0).id, "train/images/p1/a_1");
  EXPECT_EQ(images.item(0).subset, "train");
  EXPECT_EQ(images.item(2).id, "val/images/b_1");
  EXPECT_EQ(images.item(2).subset, "validation");
  EXPECT_EQ(images.item(2).subject, "val/images/b_1");
  EXPECT_THAT(images.files(), SizeIs(5));

  const auto first = images.load(0);
  ASSERT_EQ(first.labels.size(), 1U);
  EXPECT_EQ(first.labels[0].label, "cell");
  EXPECT_EQ(first.labels[0].masks.sizes(), torch::IntArrayRef({1, 5, 6}));
  EXPECT_EQ(first.labels[0].masks.sum().item<int>(), 6 + 5);
  EXPECT_TRUE(first.ignore.equal(mask({"110000", "100000", "100000", "110000", "110000"}))) << "the crowd without the cells";
  EXPECT_THAT(first.unsure, ElementsAre("clump")) << "a crowd is there, but nobody says where each of it is";
  const auto second = images.load(1);
  ASSERT_EQ(second.labels.size(), 0U) << "a run of zeros to the end: a mask without a pixel";
  EXPECT_FALSE(second.ignore.defined());
  EXPECT_THAT(images.load(2).unsure, ElementsAre("clump", "other")) << "its file has no such category";
}

TEST_F(CocoTest, InstancesTableAndEmptyImages) {
  test::write_text(folder_ / "table.toml", "\"nucleus\" = [\"cell\", \"other\"]\n");
  options_.table = folder_ / "table.toml";
  options_.targets = "instances";
  options_.keep_empty = false;
  const CocoImages images(options_);
  EXPECT_THAT(images.faults(), SizeIs(0));
  EXPECT_THAT(images.labels(), ElementsAre("nucleus"));
  ASSERT_EQ(images.size(), 2);
  EXPECT_EQ(images.load(0).labels.at(0).masks.sizes(), torch::IntArrayRef({2, 5, 6}));
  EXPECT_FALSE(images.load(0).ignore.defined()) << "the crowd's category is in no row of the table";
  options_.min_pixels = 6;
  EXPECT_EQ(CocoImages(options_).load(0).labels.at(0).masks.size(0), 1);
  options_.min_pixels = 7;
  EXPECT_THAT(CocoImages(options_).load(0).unsure, ElementsAre("nucleus"));
  test::write_text(folder_ / "table.toml", "\"nucleus\" = [\"cell\", \"othr\"]\n");
  EXPECT_THAT(first_fault(), HasSubstr("no annotation file has a category of this name; got othr"));
}

TEST_F(CocoTest, FaultsOfTheFiles) {
  std::filesystem::remove(folder_ / "val/images/b_1.png");
  EXPECT_THAT(first_fault(), AllOf(HasSubstr("b_1.png"), HasSubstr("no such file")));
  options_.expect = 7;
  EXPECT_THAT(CocoImages(options_).faults(), SizeIs(2));
  options_.expect = 0;
  const std::string head =
      R"({"images": [{"id": 1, "file_name": "b_1.png", "height": 5, "width": 6}], "categories": [{"id": 1, "name": "cell"}],
    "annotations": [)";
  write_png(folder_ / "val/images/b_1.png", torch::zeros({5, 6}, torch::kUInt8));
  const std::vector<std::pair<std::string, std::string>> bad = {
      {R"({"id": 9, "image_id": 2, "category_id": 1, "segmentation": []})",
       "annotation 9: is of an image that is not there; got 2"},
      {R"({"id": 9, "image_id": 1, "category_id": 7, "segmentation": []})", "is of a category that is not there; got 7"},
      {R"({"id": 9, "image_id": 1, "category_id": 1})", "has no mask"},
      {R"({"id": 9, "category_id": 1, "segmentation": []})", "names no image or no category"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": [[1, 2, 3]]})", "has a damaged polygon"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": [[1, 2, 3, 4, 5, 1e9]]})", "has a damaged polygon"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": [["1", 2, 3, 4, 5, 6]]})", "has a damaged polygon"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": {"size": [5, 6], "counts": [1, 2]}})",
       "damaged run lengths"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": {"size": [5, 6], "counts": "zz z"}})",
       "damaged run lengths"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": {"size": [-5, 6], "counts": [30]}})",
       "damaged run lengths"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": {"size": [99999999999, 99999999999], "counts": [30]}})",
       "damaged run"},
      {R"({"id": 9, "image_id": 1, "category_id": 1, "segmentation": {"size": [6, 5], "counts": [30]}})",
       "another size than its image"}};
  for (const auto& [entry, message] : bad) {
    write_json(head + entry + "]}");
    EXPECT_THAT(first_fault(), HasSubstr(message)) << entry;
  }
  write_json(
      R"({"images": [{"id": 1, "file_name": "../../../etc/passwd"}, {"id": 1, "file_name": "x"}, {"file_name": "x"}, {"id": 2},
    {"id": 3, "file_name": "x", "height": -1}], "categories": [{"id": 1, "name": "cell"}, {"id": 1, "name": "cell"}, {"name": "x"}]})");
  const auto faults = CocoImages(options_).faults();
  EXPECT_THAT(faults, SizeIs(7));
  EXPECT_THAT(faults.back().text(), HasSubstr("leads out of its folder; got ../../../etc/passwd"));
}

TEST_F(CocoTest, NotAtAll) {
  const auto refusal = [this]() -> std::string {
    try {
      CocoImages images(options_);
      return images.size() > 0 ? images.load(images.size() - 1).image.defined() ? "" : "no image" : "none";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const std::vector<std::pair<std::string, std::string>> bad = {{"", "no JSON"},
                                                                {"{\"images\": [", "no JSON"},
                                                                {"[1, 2]", "not an annotation file"},
                                                                {"{}", "not an annotation file"},
                                                                {std::string(100, '['), "nested too deeply"},
                                                                {"{\"images\": 1e999}", "no JSON"},
                                                                {"{\"im\xff\": 1}", "no JSON"}};
  for (const auto& [text, message] : bad) {
    write_json(text);
    EXPECT_THAT(refusal(), HasSubstr(message)) << text;
  }
  write_json(
      R"({"images": [{"id": 1, "file_name": "b_1.png", "height": 5, "width": 7}], "categories": [{"id": 1, "name": "cell"}]})");
  EXPECT_THAT(refusal(), HasSubstr("another size than its JSON file says; got 5 x 6, expected 5 x 7"));
  options_.annotations = {"{subset}/{subset}.json"};
  EXPECT_THAT(first_fault(), HasSubstr("has no annotation file"));
  options_.shown.low_percentile = 100;
  EXPECT_THAT(refusal(), HasSubstr("low_percentile"));
}

}  // namespace
}  // namespace sam3lab::coco_test
