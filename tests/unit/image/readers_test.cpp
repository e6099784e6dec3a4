// The readers of images, volumes and arrays against files by other writers, and against what other readers find in them
// (scripts/golden/readers.py) and in real files (scripts/test_files).
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/types.h>
#include <zlib.h>

#include <sam3lab/api/arrays.h>
#include <sam3lab/api/error.h>
#include <sam3lab/api/image.h>
#include <sam3lab/api/random.h>
#include <sam3lab/api/windows.h>

#include "tests/support/make_files.h"

namespace sam3lab::readers_test {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;
using testing::AllOf;
using testing::HasSubstr;
using Json = nlohmann::json;

fs::path golden(const std::string& name) { return fs::path(SAM3LAB_SOURCE_DIR) / "tests/golden/readers" / name; }

// Real files lie where scripts/test_files put them.
fs::path real(const std::string& name) {
  const char* deps = std::getenv("SAM3LAB_DEPS");
  return (deps != nullptr ? fs::path(deps) : fs::path(SAM3LAB_SOURCE_DIR) / ".deps") / "test_files" / name;
}

fs::path place_of(const std::string& name) {
  const bool elsewhere = name.starts_with("pydicom") || name.starts_with("slicerio/");
  return elsewhere ? real(name) : golden(name);
}

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

// Only an error of the program's own may come out.
template <class Call>
bool survives(const Call& call) {
  try {
    call();
  } catch (const Error&) {
  }
  return true;
}

void read_anything(const fs::path& path) {
  survives([&] { read_raster(path); });
  survives([&] { read_volume(path); });
  survives([&] {
    for (const auto& info : list_arrays(path)) survives([&] { read_array(path, info.name); });
  });
}

std::string type_name(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBool:
      return "bool";
    case at::kByte:
      return "uint8";
    case at::kChar:
      return "int8";
    case at::kShort:
      return "int16";
    case at::kInt:
      return "int32";
    case at::kLong:
      return "int64";
    case at::kFloat:
      return "float32";
    default:
      return "float64";
  }
}

void compare(const Json& expected, const at::Tensor& found) {
  const auto values = found.contiguous();
  EXPECT_EQ(values.sizes().vec(), expected.at("shape").get<std::vector<std::int64_t>>());
  EXPECT_EQ(type_name(values), expected.at("type"));
  const auto flat = values.view(-1).to(torch::kDouble).contiguous();
  const auto step = expected.at("step").get<std::int64_t>();
  const auto samples = expected.at("samples").get<std::vector<double>>();
  ASSERT_EQ(static_cast<std::int64_t>(samples.size()), (flat.numel() + step - 1) / step);
  double largest = 0;
  for (std::size_t i = 0; i < samples.size(); ++i)
    largest = std::max(largest, std::abs(flat.data_ptr<double>()[static_cast<std::int64_t>(i) * step] - samples[i]));
  EXPECT_LE(largest, expected.at("tolerance").get<double>());
  if (!expected.contains("crc32")) return;
  EXPECT_EQ(::crc32(0, static_cast<const Bytef*>(values.data_ptr()), static_cast<uInt>(values.nbytes())),
            expected.at("crc32").get<std::uint64_t>());
}

void compare_geometry(const Json& expected, const Volume& volume) {
  EXPECT_EQ(volume.modality, expected.value("modality", ""));
  if (expected.contains("window")) {
    ASSERT_TRUE(volume.shown.has_value());
    EXPECT_NEAR(volume.shown->first, expected["window"][0].get<double>(), 1e-9);
    EXPECT_NEAR(volume.shown->second, expected["window"][1].get<double>(), 1e-9);
  }
  if (!expected.contains("affine")) return;
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(volume.affine[row][i], expected["affine"][row][i].get<double>(), expected.value("affine_tolerance", 1e-6));
  }
}

void check_case(const Json& expected) {
  const auto path = place_of(expected.at("file"));
  const auto call = expected.at("call").get<std::string>();
  const auto page = expected.value("page", std::int64_t{0});
  if (expected.contains("pages")) {
    EXPECT_EQ(count_pages(path), expected["pages"].get<std::int64_t>());
  }
  if (call == "raster") compare(expected, read_raster(path, page));
  if (call == "label") compare(expected, read_label_raster(path, page));
  if (call == "array") {
    const ArrayRows rows{expected.value("first", std::int64_t{0}), expected.value("count", std::int64_t{-1})};
    compare(expected, read_array(path, expected.value("variable", ""), rows));
  }
  if (call == "volume") {
    const auto volume = read_volume(path, {expected.value("channel", std::int64_t{-1}), -1});
    compare(expected, volume.voxels);
    compare_geometry(expected, volume);
  }
}

TEST(Readers, FindWhatOtherReadersFind) {
  const auto cases = Json::parse(std::ifstream(golden("expected.json")));
  ASSERT_GT(cases.size(), 120U);
  for (const auto& expected : cases) {
    SCOPED_TRACE(expected.at("file").get<std::string>() + " " + expected.value("variable", "") + " as " +
                 expected.at("call").get<std::string>());
    EXPECT_NO_THROW(check_case(expected));
  }
}

TEST(Readers, ListArraysWithoutWhatIsNoArrayOfNumbers) {
  const auto names_in = [](const std::string& file) {
    std::string names;
    for (const auto& info : list_arrays(golden(file))) names += info.name + " ";
    return names;
  };
  for (const auto* file : {"plain.mat", "packed.mat", "new.mat"})
    EXPECT_EQ(names_in(file), "cube deep inst_map mask single small type_map ");
  EXPECT_EQ(names_in("slices.h5"), "group/label image wide ");
  EXPECT_EQ(names_in("deflated.npz"), "gts half imgs spacing ");
  const auto cube = list_arrays(golden("new.mat")).front();
  EXPECT_EQ(cube.shape, (std::vector<std::int64_t>{7, 5, 3}));
  EXPECT_EQ(cube.type, at::kDouble);
  EXPECT_THAT(refusal([] { read_array(golden("packed.mat"), "inst_mao"); }),
              AllOf(HasSubstr("packed.mat"), HasSubstr("inst_map")));
  EXPECT_THAT(refusal([] { read_array(golden("packed.mat")); }), HasSubstr("several arrays"));
  EXPECT_THAT(refusal([] { read_array(golden("rows.npy"), "", {6, 2}); }), HasSubstr("no such rows"));
}

TEST(Readers, TwoArraysOfOneNameAreRefused) {
  const TempFolder folder;
  auto bytes = test::read_bytes(golden("plain.mat"));
  const std::vector<std::uint8_t> variables(bytes.begin() + 128, bytes.end());
  bytes.insert(bytes.end(), variables.begin(), variables.end());
  test::write_bytes(folder / "twice.mat", bytes);
  EXPECT_THAT(refusal([&] { read_array(folder / "twice.mat", "deep"); }), HasSubstr("two arrays of one name; got 'cube'"));
}

TEST(Readers, RefusalsSayWhatToDo) {
  EXPECT_THAT(refusal([] { read_volume(golden("four.nii.gz")); }), HasSubstr("set channel to 0..1"));
  EXPECT_THAT(refusal([] { read_volume(golden("layers.nrrd"), {2, -1}); }), HasSubstr("no such channel"));
  EXPECT_THAT(refusal([] { read_raster(golden("pages.tif"), 3); }), AllOf(HasSubstr("no such page"), HasSubstr("0..2")));
  EXPECT_THAT(refusal([] { read_raster(golden("short.mha")); }), HasSubstr("a volume where an image is needed"));
  EXPECT_THAT(refusal([] { read_raster(real("pydicom/JPEG2000.dcm")); }), HasSubstr("JPEG 2000"));
  EXPECT_THAT(refusal([] { read_raster(real("pydicom/rtplan.dcm")); }), HasSubstr("without an image"));
  EXPECT_THAT(refusal([] { read_raster(real("pydicom/MR_truncated.dcm")); }), HasSubstr("MR_truncated.dcm"));
}

TEST(Readers, DetachedDataStayInTheirFolder) {
  const TempFolder folder;
  test::write_text(folder / "secret.raw", "12345678");
  fs::create_directories(folder / "in");
  for (const std::string& data : std::vector<std::string>{"../secret.raw", folder / "secret.raw", "in/../../secret.raw"}) {
    test::write_text(
        folder / "in/v.mhd",
        "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = " + data + "\n");
    test::write_text(folder / "in/v.nhdr",
                     "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\ndata file: " + data + "\n");
    for (const auto* name : {"in/v.mhd", "in/v.nhdr"})
      EXPECT_THAT(refusal([&] { read_volume(folder / name); }), HasSubstr("data in a place that is not read"));
  }
}

void copy_series(const TempFolder& folder, const std::set<std::string>& names) {
  fs::create_directories(folder / "s");
  for (const auto& name : names) fs::copy_file(golden("series/" + name + ".dcm"), folder / "s/" + name + ".dcm");
}

TEST(Dicom, SeriesWithGapsOrMixturesAreRefused) {
  {
    const TempFolder folder;
    copy_series(folder, {"a", "b", "d", "e"});  // c is the last place: still whole
    EXPECT_EQ(read_volume(folder / "s").voxels.size(2), 4);
  }
  const TempFolder gap;
  copy_series(gap, {"a", "c", "d", "e"});
  EXPECT_THAT(refusal([&] { read_volume(gap / "s"); }), AllOf(HasSubstr("unequal distances"), HasSubstr("2.5 mm to 5 mm")));
  const TempFolder twice;
  copy_series(twice, {"a", "b", "c", "d", "e"});
  fs::copy_file(golden("series/a.dcm"), twice / "s/again.dcm");
  EXPECT_THAT(refusal([&] { read_volume(twice / "s"); }), HasSubstr("several images at one place"));
  const TempFolder mixed;
  copy_series(mixed, {"a", "b", "c", "d", "e"});
  fs::copy_file(real("pydicom/MR_small.dcm"), mixed / "s/mr.dcm");
  test::write_text(mixed / "s/notes.txt", "no DICOM");
  const auto text = refusal([&] { read_volume(mixed / "s"); });
  EXPECT_THAT(text, AllOf(HasSubstr("several series"), HasSubstr("MR number"), HasSubstr("CT number 3 of 5 files")));
  EXPECT_THAT(text, testing::Not(HasSubstr("1.2.3.4")));
  for (const std::int64_t series : {1, 2}) {
    const auto volume = read_volume(mixed / "s", {-1, series});
    EXPECT_EQ(volume.voxels.size(2), volume.modality == "CT" ? 5 : 1);
  }
  EXPECT_THAT(refusal([&] { read_volume(mixed / "s", {-1, 3}); }), HasSubstr("no such series"));
  const TempFolder none;
  EXPECT_THAT(refusal([&] { read_volume(none / "."); }), HasSubstr("no DICOM file"));
}

TEST(Dicom, LabelsAreStoredValues) {
  const auto labels = read_label_raster(real("pydicom/examples_palette.dcm"));
  EXPECT_EQ(labels.dim(), 2);
  EXPECT_GT(labels.max().item<int>(), 3);
  EXPECT_EQ(count_pages(real("pydicom-data/emri_small.dcm")), 10);
}

TEST(Volumes, AreWrittenInTheirGeometry) {
  const TempFolder folder;
  const auto read = read_volume(golden("series"));
  for (const auto type : {torch::kUInt8, torch::kInt16, torch::kInt32, torch::kFloat32, torch::kBool}) {
    auto volume = read;
    volume.voxels = (type == torch::kBool ? volume.voxels.gt(0) : volume.voxels.remainder(100)).to(type);
    for (const auto* name : {"v.nii", "v.nii.gz"}) {
      write_volume(folder / name, volume);
      const auto again = read_volume(folder / name);
      EXPECT_TRUE(again.voxels.equal(volume.voxels.to(torch::kFloat32)));
      for (std::size_t row = 0; row < 3; ++row) {
        for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(again.affine[row][i], read.affine[row][i], 1e-5);
      }
    }
    EXPECT_EQ(test::read_bytes(folder / "v.nii").size(), 352 + volume.voxels.nbytes());
    EXPECT_EQ(test::read_bytes(folder / "v.nii.gz")[1], 0x8b);
  }
}

TEST(Volumes, AreKnownByName) {
  for (const auto* name : {"a.nii", "b.NII.GZ", "c.nrrd", "d.nhdr", "e.mha", "f.mhd", "g.dcm"}) EXPECT_TRUE(names_volume(name));
  for (const auto* name : {"a.png", "b.gz", "nii", "c.tif"}) EXPECT_FALSE(names_volume(name));
  EXPECT_TRUE(names_volume(golden("series")));
}

TEST(Windows, Presets) {
  auto volume = read_volume(golden("series"));
  EXPECT_EQ(window_limits("ct_lung", volume, "here"), (std::pair<double, double>{-1350, 150}));
  EXPECT_EQ(window_limits("file", volume, "here"), (std::pair<double, double>{-160.5, 239.5}));
  EXPECT_EQ(window_limits("full", volume, "here").first, volume.voxels.min().item<double>());
  volume.voxels = torch::cat({torch::zeros({900}), torch::arange(1, 1002)}).view({1901, 1, 1}).to(torch::kFloat32);
  EXPECT_NEAR(window_limits("mr", volume, "here").first, 1 + 0.005 * 1000, 1e-3);
  EXPECT_NEAR(window_limits("xray", volume, "here").first, 0, 1e-9);
  volume.voxels.zero_();
  EXPECT_THAT(refusal([&] { window_limits("mr", volume, "here"); }), AllOf(HasSubstr("here"), HasSubstr("without contrast")));
  EXPECT_THROW(window_limits("ct_liveer", volume, "here"), UsageError);
}

std::vector<fs::path> small_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(golden(""))) {
    if (entry.is_regular_file() && entry.path().extension() != ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Each file cut short, and with some bytes changed. DICOM and HDF5 libraries die of such files; the program must not.
TEST(Hostile, CutAndChangedFilesAreSurvived) {
  const TempFolder folder;
  auto random = Random(6);
  auto files = small_files();
  ASSERT_GT(files.size(), 40U);
  files.push_back(real("pydicom/MR_small_RLE.dcm"));
  files.push_back(real("pydicom/JPGExtended.dcm"));
  files.push_back(real("pydicom/MR_small_jpeg_ls_lossless.dcm"));
  files.push_back(real("pydicom/image_dfl.dcm"));
  for (const auto& file : files) {
    SCOPED_TRACE(file.filename().string());
    const auto whole = test::read_bytes(file);
    const auto changed = folder / ("x" + file.filename().string());
    for (const double part : {0.0, 0.1, 0.5, 0.9}) {
      auto bytes = whole;
      bytes.resize(static_cast<std::size_t>(part * static_cast<double>(whole.size())));
      test::write_bytes(changed, bytes);
      EXPECT_NO_THROW(read_anything(changed));
    }
    for (int i = 0; i < 4; ++i) {
      auto bytes = whole;
      for (int n = 0; n < 6; ++n)
        bytes[random.below(std::min<std::uint64_t>(bytes.size(), n < 3 ? 400 : bytes.size()))] ^= 1U << random.below(8);
      test::write_bytes(changed, bytes);
      EXPECT_NO_THROW(read_anything(changed));
    }
  }
}

TEST(Hostile, HeadersThatPromiseMuchTakeNothing) {
  const TempFolder folder;
  test::write_text(folder / "a.pgm", "P5 20000 13000 255\nx");
  test::write_text(folder / "b.nrrd", "NRRD0004\ntype: double\ndimension: 3\nsizes: 1000 1000 2000\nencoding: gzip\n\nx");
  test::write_text(
      folder / "c.mha",
      "ObjectType = Image\nNDims = 3\nDimSize = 1000 1000 2000\nElementType = MET_FLOAT\nElementDataFile = LOCAL\nx");
  test::write_text(folder / "d.npy", std::string("\x93NUMPY\x01\0", 8) + std::string("\x40\0", 2) +
                                         "{'descr': '<f8', 'fortran_order': False, 'shape': (90000, 5000)}");
  EXPECT_THAT(refusal([&] { read_raster(folder / "a.pgm"); }), HasSubstr("ends early"));
  for (const auto* name : {"b.nrrd", "c.mha"})
    EXPECT_THAT(refusal([&] { read_volume(folder / name); }), HasSubstr("too short for its header"));
  EXPECT_THAT(refusal([&] { read_array(folder / "d.npy"); }), HasSubstr("too short for its header"));
}

}  // namespace
}  // namespace sam3lab::readers_test
