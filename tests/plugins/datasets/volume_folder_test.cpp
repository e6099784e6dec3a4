// Folders of volumes in several layouts: templates, dataset.json, one file a label, objects, frames.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>

#include "plugins/datasets/volume_folder/case_slices.h"
#include "plugins/datasets/volume_folder/msd_file.h"
#include "plugins/datasets/shared/cases/case_cache.h"
#include "tests/support/make_files.h"

namespace sam3lab::volume_folder_test {
using namespace datasets;
using namespace datasets::volume_folder;
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// 4 x 5 x 3; `marks` are (x, y, z, value).
void write_volume(const std::string& path, const std::vector<std::array<int, 4>>& marks,
                  const test::Rows& rows = test::identity_rows) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::vector<std::int16_t> voxels(4 * 5 * 3, 0);
  for (const auto& [x, y, z, value] : marks)
    voxels[static_cast<std::size_t>(x + 4 * (y + 5 * z))] = static_cast<std::int16_t>(value);
  test::write_bytes(path, test::nifti_bytes(test::nifti_header<std::int16_t>({4, 5, 3}, NIFTI_TYPE_INT16, rows), voxels));
}

std::string refusal(const VolumeFolderOptions& options) {
  try {
    const CaseSlices slices(options);
    for (std::int64_t i = 0; i < slices.size(); ++i) static_cast<void>(slices.load(i));
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + " " + error.what();
  }
  return "";
}

class VolumeFolderTest : public testing::Test {
 protected:
  VolumeFolderTest() {  // as ACDC: two patients with two frames each
    for (const auto* patient : {"training/p1/p1", "testing/p2/p2"}) {
      for (const auto* frame : {"_f01", "_f12"}) {
        const auto path = folder_ / (std::string(patient) + frame);
        write_volume(path + ".nii", {{0, 0, 0, 100}});
        write_volume(path + "_gt.nii", {{1, 1, 1, 1}, {1, 2, 1, 1}, {2, 2, 2, 3}});
      }
    }
    test::write_text(folder_ / "table.toml", "\"ventricle\" = [1]\n\"wall\" = [3]\n");
    options_.root = folder_ / "";
    options_.images = {"{subset:training|testing}/{patient}/{patient}_f{frame:[0-9]+}.nii"};
    options_.masks = {"{subset}/{patient}/{patient}_f{frame}_gt.nii"};
    options_.table = folder_ / "table.toml";
    options_.subject = "acdc/{patient}";
    options_.subsets = {"training=train", "testing=test"};
    options_.window = "range";
    options_.range = {0, 100};
  }
  TempFolder folder_;
  VolumeFolderOptions options_;
};

TEST_F(VolumeFolderTest, FramesOfAPatientAreOneSubject) {
  const CaseSlices slices(options_);
  EXPECT_THAT(slices.faults(), IsEmpty());
  ASSERT_EQ(slices.size(), 12);
  EXPECT_EQ(slices.item(0).id, "testing/p2/p2_f01/axial/000");
  EXPECT_EQ(slices.item(0).subject, "acdc/p2");
  EXPECT_EQ(slices.item(0).subset, "test");
  EXPECT_EQ(slices.item(4).id, "testing/p2/p2_f12/axial/001");
  EXPECT_EQ(slices.item(4).begin, 1.0);
  EXPECT_EQ(slices.item(4).subject, "acdc/p2");
  EXPECT_EQ(slices.item(11).subset, "train");
  EXPECT_THAT(slices.labels(), ElementsAre("ventricle", "wall"));
  EXPECT_THAT(slices.files(), SizeIs(9));
  const auto image = slices.load(4);
  ASSERT_EQ(image.labels.size(), 1U);
  EXPECT_EQ(image.labels[0].label, "ventricle");
  EXPECT_EQ(image.labels[0].masks.sum().item<int>(), 2);
  EXPECT_TRUE(image.labels[0].masks[0][3][2].item<bool>());  // y = 1 of 0..4 counted from above, x = 1 of 0..3 from the left
  EXPECT_EQ(slices.load(0).image[4][3][0].item<int>(), 255);
}

TEST_F(VolumeFolderTest, EmptySlicesAndIgnoredValues) {
  options_.keep_empty = false;
  EXPECT_EQ(CaseSlices(options_).size(), 8);
  options_.ignore = {3};
  test::write_text(folder_ / "table.toml", "\"anything\" = \"nonzero\"\n");
  options_.axis = "sagittal";
  const CaseSlices slices(options_);
  EXPECT_EQ(slices.size(), 8);
  const auto image = slices.load(1);  // x = 2
  EXPECT_THAT(image.labels, IsEmpty()) << "what is ignored is no target";
  EXPECT_EQ(image.ignore.sum().item<int>(), 1);
  EXPECT_FALSE(slices.load(0).ignore.defined());
}

TEST_F(VolumeFolderTest, FewVolumesAndManyThreads) {
  options_.keep = 1;
  const CaseSlices slices(options_);
  const auto expected = slices.load(4);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; i < 24; ++i) {
        const auto index = (i * 5 + t) % slices.size();
        const auto image = slices.load(index);
        if (index == 4 && !(image.image.equal(expected.image) && image.labels[0].masks.equal(expected.labels[0].masks)))
          ++wrong;
        if ((index % 3 == 0) != image.labels.empty()) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(CaseCache, KeepsTheLastAndTriesAnew) {
  CaseCache<int> cache(2);
  int reads = 0;
  const auto get = [&](std::size_t number) { return *cache.get(number, [&] { return ++reads, static_cast<int>(number); }); };
  EXPECT_EQ(get(1) + get(2) + get(1), 4);
  EXPECT_EQ(reads, 2);
  EXPECT_EQ(get(3) + get(1), 4);
  EXPECT_EQ(reads, 3) << "2 was the oldest";
  get(2);
  EXPECT_EQ(reads, 4);
  EXPECT_THROW(cache.get(9, []() -> int { throw DataError(Fault{"x", "", "", "", ""}); }), DataError);
  EXPECT_EQ(*cache.get(9, [] { return 9; }), 9);
}

TEST_F(VolumeFolderTest, FaultsOfTheFolder) {
  std::filesystem::remove(folder_ / "testing/p2/p2_f12_gt.nii");
  std::filesystem::remove(folder_ / "training/p1/p1_f01.nii");
  options_.expect = 4;
  options_.exclude = {"training/p9/p9_f01"};
  const auto faults = CaseSlices(options_).faults();
  ASSERT_THAT(faults, SizeIs(4));
  EXPECT_THAT(faults[0].text(), AllOf(HasSubstr("p2_f12.nii"), HasSubstr("has no label volume")));
  EXPECT_THAT(faults[1].text(), AllOf(HasSubstr("p1_f01_gt.nii"), HasSubstr("a mask without an image")));
  EXPECT_THAT(faults[2].text(), AllOf(HasSubstr("exclude"), HasSubstr("training/p9/p9_f01")));
  EXPECT_THAT(faults[3].text(), HasSubstr("got 3, expected 4"));
  options_.expect = 0;
  options_.exclude = {"testing/p2/p2_f12"};
  EXPECT_THAT(CaseSlices(options_).faults(), SizeIs(1));
  options_.exclude.clear();
  options_.missing_mask = "empty";
  const CaseSlices slices(options_);
  EXPECT_THAT(slices.faults(), SizeIs(1));
  ASSERT_EQ(slices.size(), 9);
  EXPECT_THAT(slices.load(4).labels, IsEmpty());
  EXPECT_THAT(slices.load(4).unsure, IsEmpty());
  options_.missing_mask = "unsure";
  EXPECT_THAT(CaseSlices(options_).load(4).unsure, ElementsAre("ventricle", "wall"));
}

TEST_F(VolumeFolderTest, OneFileALabelAndObjects) {
  TempFolder folder;
  write_volume(folder / "a/image.nii", {{0, 0, 0, 9}});
  write_volume(folder / "a/masks/liver.nii", {{1, 1, 1, 1}, {2, 1, 1, 1}, {3, 3, 1, 1}});
  write_volume(folder / "a/masks/lesion_1.nii", {{2, 1, 1, 1}});
  write_volume(folder / "a/masks/lesion_2.nii", {{3, 3, 1, 1}});
  options_.root = folder / "";
  options_.images = {"{case}/image.nii"};
  options_.masks = {"{case}/masks/liver.nii", "{case}/masks/lesion_*.nii"};
  options_.table.clear();
  options_.subject.clear();
  options_.subsets.clear();
  options_.labels = {"liver", "lesion"};
  options_.encoding = "binary";
  const CaseSlices slices(options_);
  EXPECT_THAT(slices.faults(), IsEmpty());
  EXPECT_THAT(slices.labels(), ElementsAre("lesion", "liver"));
  const auto image = slices.load(1);
  ASSERT_EQ(image.labels.size(), 2U);
  EXPECT_EQ(image.labels[0].label, "liver");
  EXPECT_EQ(image.labels[0].masks.sum().item<int>(), 3);
  EXPECT_EQ(image.labels[1].masks.sizes(), torch::IntArrayRef({1, 5, 4}));
  EXPECT_EQ(image.labels[1].masks.sum().item<int>(), 2);
  options_.targets = "instances";
  EXPECT_EQ(CaseSlices(options_).load(1).labels.at(0).masks.size(0), 2);
  EXPECT_EQ(slices.item(1).subject, "a/image");

  write_volume(folder / "a/masks/liver.nii", {{1, 1, 1, 7}, {2, 1, 1, 7}, {1, 2, 1, 300}, {3, 3, 1, 300}});
  options_.encoding = "instances";
  const auto objects = CaseSlices(options_).load(1);
  EXPECT_EQ(objects.labels.at(0).masks.sizes(), torch::IntArrayRef({2, 5, 4})) << "7 and 300 touch, and 300 has two parts";
  EXPECT_THAT(objects.labels.at(0).masks.flatten(1).sum(1).equal(torch::tensor({2, 2})), true);
}

TEST_F(VolumeFolderTest, Decathlon) {
  TempFolder folder;
  for (const auto* name : {"la_1", "la_2"}) {
    write_volume(folder / (std::string("imagesTr/") + name + ".nii"), {{0, 0, 0, 9}});
    write_volume(folder / (std::string("labelsTr/") + name + ".nii"), {{1, 1, 1, 1}, {2, 1, 1, 2}});
  }
  test::write_text(folder / "dataset.json", R"({"name": "x", "labels": {"0": "background", "1": "atrium", "2": "scar"},
    "training": [{"image": "./imagesTr/la_1.nii", "label": "./labelsTr/la_1.nii"}],
    "validation": [{"image": "imagesTr/la_2.nii", "label": "labelsTr/la_2.nii"}], "test": ["./imagesTs/la_3.nii"]})");
  VolumeFolderOptions options;
  options.root = folder / "";
  options.msd = "dataset.json";
  options.window = "range";
  options.subject = "heart/{case}";
  const CaseSlices slices(options);
  EXPECT_THAT(slices.faults(), IsEmpty());
  EXPECT_THAT(slices.labels(), ElementsAre("atrium", "scar"));
  ASSERT_EQ(slices.size(), 6);
  EXPECT_EQ(slices.item(0).subject, "heart/la_1");
  EXPECT_EQ(slices.item(0).subset, "train");
  EXPECT_EQ(slices.item(5).subset, "validation");
  EXPECT_THAT(slices.load(1).labels, SizeIs(2));
  std::filesystem::remove(folder / "labelsTr/la_2.nii");
  EXPECT_THAT(CaseSlices(options).faults(), SizeIs(1));

  // nnU-Net: names to numbers, regions, ignored voxels, no list of cases.
  test::write_text(folder / "dataset.json",
                   R"({"labels": {"background": 0, "whole": [1, 2], "scar": 2, "ignore": 3}, "numTraining": 2})");
  const auto file = read_msd(folder / "dataset.json");
  ASSERT_THAT(file.labels, SizeIs(2));
  EXPECT_EQ(file.labels[0].label, "scar");
  EXPECT_THAT(file.labels[1].values, ElementsAre(1, 2));
  EXPECT_THAT(file.ignore, ElementsAre(3));
  EXPECT_THAT(CaseSlices(options).faults().at(0).text(), HasSubstr("lists no training pairs"));
  options.images = {"imagesTr/{case}.nii"};
  options.masks = {"labelsTr/{case}.nii"};
  options.exclude = {"imagesTr/la_2"};
  const CaseSlices by_template(options);
  EXPECT_THAT(by_template.faults(), IsEmpty());
  EXPECT_EQ(by_template.load(1).labels.at(1).masks.sum().item<int>(), 2);
}

TEST_F(VolumeFolderTest, HostileDatasetJson) {
  VolumeFolderOptions options;
  options.root = folder_ / "";
  options.msd = "dataset.json";
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "no JSON"},
      {"{\"labels\": ", "no JSON"},
      {std::string(5000, '['), "nested too deeply"},
      {"[]", "has no labels"},
      {R"({"labels": []})", "has no labels"},
      {R"({"labels": {"0": "background"}})", "names no label but the background"},
      {R"({"labels": {"70000": "x"}})", "got 70000"},
      {R"({"labels": {"x": {}}})", "a label is none; got x"},
      {R"({"labels": {"1": "x"}, "training": {}})", "`training` is no list"},
      {R"({"labels": {"1": "x"}, "training": ["a.nii"]})", "is no pair of files"},
      {R"({"labels": {"1": "x"}, "training": [{"image": "../../a.nii", "label": "b.nii"}]})", "is no pair of files"},
      {R"({"labels": {"1": "x"}, "training": [{"image": "/etc/passwd", "label": "b.nii"}]})", "is no pair of files"}};
  for (const auto& [text, message] : bad) {
    test::write_text(folder_ / "dataset.json", text);
    EXPECT_THAT(refusal(options), AllOf(HasSubstr("3 "), HasSubstr(message))) << text.substr(0, 80);
  }
}

TEST_F(VolumeFolderTest, Refusals) {
  auto options = options_;
  options.masks.clear();
  options.table.clear();
  EXPECT_THAT(refusal(options),
              AllOf(HasSubstr("2 "), HasSubstr("`images` without `masks`"), HasSubstr("what the masks mean")));
  options = options_;
  options.subsets = {"training"};
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("2 "), HasSubstr("no renaming")));
  options = options_;
  for (auto* templates : {&options.images, &options.masks})
    for (auto& text : *templates) text.replace(text.find("{subset"), 7, "{part");
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("2 "), HasSubstr("{part} is now called {subset}")));
  options = options_;
  options.subject = "{ward}";
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("2 "), HasSubstr("{ward}")));
  options = options_;
  options.root = folder_ / "nowhere";
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("3 "), HasSubstr("nowhere")));
  write_volume(folder_ / "testing/p2/p2_f01_gt.nii", {}, {{{1, 0, 0, 2}, {0, 1, 0, 0}, {0, 0, 1, 0}}});
  EXPECT_THAT(refusal(options_), AllOf(HasSubstr("3 "), HasSubstr("p2_f01_gt.nii"), HasSubstr("another place")));
  write_volume(folder_ / "testing/p2/p2_f01_gt.nii", {{0, 0, 0, -1}});
  EXPECT_THAT(refusal(options_), AllOf(HasSubstr("3 "), HasSubstr("no label values")));
}

}  // namespace
}  // namespace sam3lab::volume_folder_test
