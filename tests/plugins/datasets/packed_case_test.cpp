// Cases of volumes that are kept decoded: the same samples, decoded once, never from what changed or is damaged.
#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/label_volume/volume_slices.h"
#include "plugins/datasets/volume_folder/case_slices.h"
#include "tests/support/make_files.h"

namespace sam3lab::packed_case_test {
using namespace datasets::label_volume;
using namespace datasets::volume_folder;
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int16_t sizes[3] = {4, 5, 6};

// `value(x, y, z)` at each voxel; axes run to the patient's right, anterior, superior.
template <class Value>
void write_volume(const std::string& path, Value value) {
  fs::create_directories(fs::path(path).parent_path());
  std::vector<std::int16_t> voxels;
  for (int z = 0; z < sizes[2]; ++z) {
    for (int y = 0; y < sizes[1]; ++y) {
      for (int x = 0; x < sizes[0]; ++x) voxels.push_back(static_cast<std::int16_t>(value(x, y, z)));
    }
  }
  const auto header = test::nifti_header<std::int16_t>({sizes[0], sizes[1], sizes[2]}, NIFTI_TYPE_INT16);
  test::write_bytes(path, test::nifti_bytes(header, voxels));
}

void expect_equal(const LabelledImage& a, const LabelledImage& b) {
  EXPECT_TRUE(a.image.equal(b.image));
  EXPECT_EQ(a.image.strides(), b.image.strides());
  EXPECT_EQ(a.spacing_mm, b.spacing_mm);
  EXPECT_EQ(a.unsure, b.unsure);
  ASSERT_EQ(a.ignore.defined(), b.ignore.defined());
  EXPECT_TRUE(!a.ignore.defined() || a.ignore.equal(b.ignore));
  ASSERT_EQ(a.labels.size(), b.labels.size());
  for (std::size_t i = 0; i < a.labels.size(); ++i) {
    EXPECT_EQ(a.labels[i].label, b.labels[i].label);
    EXPECT_TRUE(a.labels[i].masks.equal(b.labels[i].masks));
  }
}

void expect_equal(const Dataset& a, const Dataset& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::int64_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a.item(i).id, b.item(i).id);
    expect_equal(a.load(i), b.load(i));
  }
}

void load_all(const Dataset& data) {
  for (std::int64_t i = 0; i < data.size(); ++i) static_cast<void>(data.load(i));
}

std::uint64_t bytes_in(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".case" || entry.path().extension() == ".slices") bytes += entry.file_size();
  }
  return bytes;
}

std::vector<fs::path> kept(const std::string& folder, const std::string& ending) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ending) found.push_back(entry.path());
  }
  return found;
}

// Three cases with a value above 255, one of which nothing is known, and slices without a label.
class PackedCaseTest : public testing::Test {
 protected:
  PackedCaseTest() {
    for (const int n : {1, 2, 3}) {
      const auto name = "case_" + std::to_string(n) + ".nii";
      write_volume(folder_ / ("images/" + name), [n](int x, int y, int z) { return 100 * n + x + 7 * y + 13 * z * z; });
      write_volume(folder_ / ("labels/" + name), [n](int x, int y, int z) {
        return z < 2 ? 0 : x == y ? 300 : x == z ? 2 : z == 5 && y == 4 ? 9 : x == 3 && y == n ? 1 : 0;
      });
    }
    test::write_text(folder_ / "table.toml", "\"a\" = [1]\n\"b\" = [2, 300]\n\"all\" = \"nonzero\"\n");
    options_.root = folder_ / "";
    options_.images = {"images/{case}.nii"};
    options_.masks = {"labels/{case}.nii"};
    options_.table = folder_ / "table.toml";
    options_.ignore = {9};
    options_.min_pixels = 2;
    cached_ = options_;
    cached_.cache = folder_ / "cache";
    cached_.keep = 1;
  }

  // Samples are those without a cache, before and after `spoil` was done to the kept files of one kind.
  template <class Spoil>
  void survives(const std::string& ending, Spoil spoil) {
    load_all(CaseSlices(cached_));
    for (const auto& file : kept(cached_.cache, ending)) spoil(file);
    const CaseSlices spoilt(cached_);
    expect_equal(spoilt, CaseSlices(options_));
    EXPECT_GE(spoilt.store().counts().damaged, 3);
    const CaseSlices again(cached_);
    expect_equal(again, CaseSlices(options_));
    EXPECT_EQ(again.store().counts().decoded + again.store().counts().indexed, 0) << "mended";
  }

  TempFolder folder_;
  VolumeFolderOptions options_, cached_;
};

TEST_F(PackedCaseTest, SamplesAreTheSameAndDecodedOnce) {
  for (const auto* axis : {"axial", "coronal", "sagittal"}) {
    for (const auto* targets : {"class", "instances"}) {
      for (const bool keep_empty : {true, false}) {
        for (auto* options : {&options_, &cached_})
          options->axis = axis, options->targets = targets, options->keep_empty = keep_empty;
        expect_equal(CaseSlices(options_), CaseSlices(cached_));
        const CaseSlices again(cached_);
        expect_equal(CaseSlices(options_), again);
        EXPECT_EQ(again.store().counts().decoded, 0);
        EXPECT_EQ(again.store().counts().indexed, 0);
        EXPECT_EQ(again.store().counts().index_found, 3);
        EXPECT_EQ(again.store().counts().found, 3);
      }
    }
  }
  EXPECT_THAT(kept(cached_.cache, ".case"), SizeIs(9)) << "three cases along three axes";
  EXPECT_THAT(kept(cached_.cache, ".slices"), SizeIs(9));
  options_.axis = cached_.axis = "axial";
  options_.every = cached_.every = 2;
  const CaseSlices other(cached_);
  expect_equal(CaseSlices(options_), other);
  EXPECT_EQ(other.store().counts().decoded, 0) << "which slices are taken does not change a case";
}

TEST_F(PackedCaseTest, WhatChangesASampleIsAnotherCase) {
  load_all(CaseSlices(cached_));
  const auto decoded = [&] {
    expect_equal(CaseSlices(options_), CaseSlices(cached_));
    const CaseSlices again(cached_);
    load_all(again);
    return again.store().counts().decoded.load();
  };
  for (auto* options : {&options_, &cached_}) options->window = "range", options->range = {50, 150};
  EXPECT_EQ(decoded(), 0);
  for (auto* options : {&options_, &cached_}) options->range = {50, 151};
  EXPECT_EQ(decoded(), 0);
  for (auto* options : {&options_, &cached_}) options->ignore = {};
  EXPECT_EQ(decoded(), 0);
  test::write_text(folder_ / "table.toml", "\"a\" = [2]\n\"b\" = [1]\n");
  EXPECT_EQ(decoded(), 0);
  EXPECT_THAT(kept(cached_.cache, ".case"), SizeIs(15));
}

TEST_F(PackedCaseTest, SeveralMaskFilesAndNone) {
  for (const auto* name : {"liver", "lesion"}) {
    write_volume(folder_ / ("masks/case_1_" + std::string(name) + ".nii"),
                 [&](int x, int, int z) { return z == 3 && (name[1] == 'i' || x > 1) ? 1 : 0; });
  }
  for (auto* options : {&options_, &cached_}) {
    options->table.clear();
    options->ignore.clear();
    options->masks = {"masks/{case}_liver.nii", "masks/{case}_lesion.nii"};
    options->labels = {"liver", "lesion"};
    options->encoding = "binary";
    options->missing_mask = "empty";
  }
  expect_equal(CaseSlices(options_), CaseSlices(cached_));
  const CaseSlices again(cached_);
  expect_equal(CaseSlices(options_), again);
  EXPECT_EQ(again.load(3).labels.size(), 2U);
  EXPECT_EQ(again.store().counts().decoded + again.store().counts().indexed, 0);
}

TEST_F(PackedCaseTest, ASingleVolume) {
  LabelVolumeOptions plain;
  plain.image = folder_ / "images/case_2.nii";
  plain.labels = folder_ / "labels/case_2.nii";
  plain.table = options_.table;
  plain.keep_empty = false;
  auto kept_options = plain;
  kept_options.cache = cached_.cache;
  expect_equal(VolumeSlices(plain), VolumeSlices(kept_options));
  const VolumeSlices again(kept_options);
  expect_equal(VolumeSlices(plain), again);
  EXPECT_EQ(again.size(), 4);
  EXPECT_EQ(again.store().counts().decoded, 0);
  EXPECT_EQ(again.store().counts().found, 1);
}

TEST_F(PackedCaseTest, AChangedFileIsDecodedAnew) {
  load_all(CaseSlices(cached_));
  for (const auto* name : {"images/case_2.nii", "labels/case_2.nii"}) {
    // As long as before, at the same place, and of the same time.
    struct stat before {};
    ASSERT_EQ(::stat((folder_ / name).c_str(), &before), 0);
    std::fstream file(folder_ / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(352 + 2 * (4 * 5 * 5 + 4 * 2 + 1));  // (1, 2, 5)
    file.write("\x02\x00", 2);
    file.close();
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / name).c_str(), times, 0), 0);
    const CaseSlices changed(cached_);
    expect_equal(CaseSlices(options_), changed);
    EXPECT_EQ(changed.store().counts().decoded, 1) << name;
    EXPECT_EQ(changed.store().counts().found, 2) << name;
  }
}

TEST_F(PackedCaseTest, DamageIsFoundAndMended) {
  const auto flip = [](const fs::path& path, std::uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(file.get() ^ 16);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  };
  for (const std::string ending : {".case", ".slices"}) {
    survives(ending, [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) - 1); });
    survives(ending, [](const fs::path& file) { fs::resize_file(file, 0); });
    survives(ending, [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) + 1); });
    survives(ending, [](const fs::path& file) { std::ofstream(file, std::ios::binary) << std::string(5000, '\xff'); });
    for (const std::uint64_t at : {0U, 8U, 12U, 16U, 24U, 40U, 104U, 110U})
      survives(ending, [&](const fs::path& file) { flip(file, at); });
  }
  survives(".case", [&](const fs::path& file) { flip(file, 4096 + 3); });                  // in the first slice
  survives(".case", [&](const fs::path& file) { flip(file, fs::file_size(file) - 64); });  // in the last one
}

TEST_F(PackedCaseTest, AnotherCaseUnderTheNameIsRefused) {
  auto other = cached_;
  other.cache = folder_ / "other";
  other.range = {1, 2};
  other.window = "range";
  load_all(CaseSlices(other));
  const auto foreign = kept(other.cache, ".case").front();
  survives(".case", [&](const fs::path& file) { fs::copy_file(foreign, file, fs::copy_options::overwrite_existing); });
}

TEST_F(PackedCaseTest, DamageWhileACaseIsOpen) {
  load_all(CaseSlices(cached_));
  cached_.keep = 3;
  const CaseSlices open(cached_);
  static_cast<void>(open.load(1));
  for (const auto& file : kept(cached_.cache, ".case")) fs::resize_file(file, 4096);
  expect_equal(CaseSlices(options_), open);
  EXPECT_GE(open.store().counts().damaged, 3);
  const CaseSlices again(cached_);
  expect_equal(CaseSlices(options_), again);
  EXPECT_EQ(again.store().counts().decoded, 0) << "mended";
}

TEST_F(PackedCaseTest, StaysBelowItsBound) {
  cached_.cache_gb = 8e-6;  // 8 kB: one case of 4096 bytes of head and 6 records of 192 bytes, and three indices
  const CaseSlices small(cached_);
  expect_equal(CaseSlices(options_), small);
  EXPECT_LE(bytes_in(cached_.cache), 8000U);
  EXPECT_THAT(kept(cached_.cache, ".case"), SizeIs(1));
  EXPECT_THAT(kept(cached_.cache, ".slices"), SizeIs(3));
  EXPECT_EQ(small.store().counts().not_cached, 0);
  cached_.cache_gb = 1e-7;
  const CaseSlices none(cached_);
  expect_equal(CaseSlices(options_), none);
  EXPECT_EQ(bytes_in(cached_.cache), 0U);
  EXPECT_EQ(none.store().counts().not_cached, 6);
}

TEST_F(PackedCaseTest, WhatAHeaderPointsToIsNotKept) {
  write_volume(folder_ / "raw/all.nii", [](int x, int y, int z) { return x + y + z; });
  const auto bytes = test::read_bytes(folder_ / "raw/all.nii");
  const std::string voxels(bytes.begin() + 352, bytes.end());
  test::write_text(folder_ / "images/raw.bin", voxels);
  const std::string meta =
      "ObjectType = Image\nNDims = 3\nDimSize = 4 5 6\nElementSpacing = 1 1 1\nTransformMatrix = -1 0 0 0 -1 0 0 0 1\n"
      "Offset = 0 0 0\nElementType = MET_SHORT\nElementDataFile = ";
  const std::string nrrd =
      "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 5 6\nspace: right-anterior-superior\nendian: little\n"
      "space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\nencoding: raw\n";
  fs::copy_file(folder_ / "labels/case_1.nii", folder_ / "labels/case_4.nii");
  for (auto* options : {&options_, &cached_})
    options->images = {"images/{case:case_4}.vol"}, options->masks = {"labels/{case}.nii"};
  const std::vector<std::pair<std::string, int>> volumes = {
      {meta + "raw.bin\n", 1}, {nrrd + "data file: raw.bin\n\n", 1}, {meta + "LOCAL\n" + voxels, 0}, {nrrd + "\n" + voxels, 0}};
  for (const auto& [text, not_cached] : volumes) {
    test::write_text(folder_ / "images/case_4.vol", text);
    load_all(CaseSlices(cached_));
    const CaseSlices data(cached_);
    expect_equal(CaseSlices(options_), data);
    EXPECT_EQ(data.store().counts().decoded, not_cached) << text.substr(0, 200);
    EXPECT_EQ(data.store().counts().not_cached, not_cached);
  }
}

TEST_F(PackedCaseTest, ThreadsAndDatasetsShareAFolder) {
  cached_.cache_gb = 1.2e-5;  // two cases of three: files come and go
  const CaseSlices plain(options_), one(cached_), two(cached_);
  std::vector<LabelledImage> expected;
  for (std::int64_t i = 0; i < plain.size(); ++i) expected.push_back(plain.load(i));
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto& data = t % 2 == 0 ? one : two;
      for (std::int64_t i = 0; i < 90; ++i) {
        const auto index = (i * 7 + t * 5) % data.size();
        if (!data.load(index).image.equal(expected[static_cast<std::size_t>(index)].image)) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(bytes_in(cached_.cache), 12000U);
  expect_equal(plain, one);
}

TEST_F(PackedCaseTest, AFolderThatCannotBeWritten) {
  test::write_text(folder_ / "file", "");
  cached_.cache = folder_ / "file";
  try {
    const CaseSlices data(cached_);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("file"), HasSubstr("folder of packed cases")));
  }
}

}  // namespace
}  // namespace sam3lab::packed_case_test
