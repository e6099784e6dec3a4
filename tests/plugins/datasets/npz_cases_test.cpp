// Cases of the CVPR challenge as .npz files: images in grey and colour, volumes, spacing, labels of several kinds.
#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>
#include <zlib.h>

#include <sam3lab/api/error.h>

#include "plugins/datasets/npz_cases/npz_slices.h"
#include "tests/support/make_files.h"

namespace sam3lab::npz_cases_test {
using namespace datasets::npz_cases;
namespace {

using test::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string npy(const at::Tensor& values) {
  const auto dense = values.contiguous();
  const std::string type = dense.scalar_type() == torch::kUInt8 ? "|u1" : dense.scalar_type() == torch::kInt32 ? "<i4" : "<f8";
  std::string shape;
  for (const auto length : dense.sizes()) shape += std::to_string(length) + ", ";
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  put(out, static_cast<std::uint16_t>(header.size()));
  return out + header + std::string(static_cast<const char*>(dense.data_ptr()), dense.nbytes());
}

// A zip of stored members, as numpy.savez writes it.
void write_npz(const std::string& path, const std::vector<std::pair<std::string, at::Tensor>>& arrays) {
  std::string out, directory;
  for (const auto& [name, values] : arrays) {
    const auto data = npy(values), file = name + ".npy";
    const auto crc =
        static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size())));
    std::string common;
    put<std::uint16_t>(common, 20);
    for (int i = 0; i < 2; ++i) put<std::uint16_t>(common, 0);  // flags, stored
    put<std::uint32_t>(common, 0x00210000);                     // 1 January 1980
    put(common, crc);
    for (int i = 0; i < 2; ++i) put(common, static_cast<std::uint32_t>(data.size()));
    put(common, static_cast<std::uint16_t>(file.size()));
    put<std::uint16_t>(common, 0);
    directory += std::string("PK\x01\x02", 4) + std::string("\x14\x00", 2) + common + std::string(10, '\0');
    put(directory, static_cast<std::uint32_t>(out.size()));
    directory += file;
    out += std::string("PK\x03\x04", 4) + common + file + data;
  }
  const auto begin = static_cast<std::uint32_t>(out.size());
  out += directory + std::string("PK\x05\x06", 4) + std::string(4, '\0');
  for (int i = 0; i < 2; ++i) put(out, static_cast<std::uint16_t>(arrays.size()));
  put(out, static_cast<std::uint32_t>(directory.size()));
  put(out, begin);
  put<std::uint16_t>(out, 0);
  test::write_text(path, out);
}

class NpzCasesTest : public testing::Test {
 protected:
  NpzCasesTest() {
    auto grey = torch::zeros({3, 4, 5}, torch::kUInt8), stored = torch::zeros({3, 4, 5}, torch::kUInt8);
    grey[1][0][4] = 200;
    stored[1][0][4] = 1;
    stored[1][3][0] = 2;
    stored[2][1][1] = 9;
    write_npz(folder_ / "CT_0001.npz",
              {{"imgs", grey}, {"gts", stored}, {"spacing", torch::tensor({0.5, 0.7, 5.0}, torch::kFloat64)}});
    auto colour = torch::zeros({4, 6, 3}, torch::kUInt8), cells = torch::zeros({4, 6}, torch::kInt32);
    colour[3][5][2] = 77;
    cells[0][0] = 1;
    cells[0][1] = 300;
    write_npz(folder_ / "Micro_7.npz", {{"gts", cells}, {"imgs", colour}});
    test::write_text(folder_ / "table.toml", "\"first\" = [1]\n\"second\" = [2]\n");
    options_.root = folder_ / "";
    options_.table = folder_ / "table.toml";
    options_.cases = {"{kind}_{case}.npz"};
  }
  std::string refusal() {
    try {
      const NpzSlices slices(options_);
      for (std::int64_t i = 0; i < slices.size(); ++i) static_cast<void>(slices.load(i));
    } catch (const Error& error) {
      return std::to_string(static_cast<int>(error.code())) + " " + error.what();
    }
    return "";
  }
  TempFolder folder_;
  NpzCasesOptions options_;
};

TEST_F(NpzCasesTest, VolumesAndImages) {
  options_.subject = "{kind}/{case}";
  const NpzSlices slices(options_);
  EXPECT_THAT(slices.faults(), IsEmpty());
  ASSERT_EQ(slices.size(), 4);
  EXPECT_EQ(slices.item(1).id, "CT_0001/axial/001");
  EXPECT_EQ(slices.item(1).subject, "CT/0001");
  EXPECT_EQ(slices.item(1).begin, 1.0);
  EXPECT_EQ(slices.item(3).id, "Micro_7");
  const auto image = slices.load(1);
  ASSERT_EQ(image.image.sizes(), torch::IntArrayRef({4, 5, 3}));
  EXPECT_EQ(image.image[0][4][2].item<int>(), 200) << "as the array has it: row, column";
  EXPECT_EQ(image.spacing_mm, (std::array{0.7, 0.5}));
  ASSERT_THAT(image.labels, SizeIs(2));
  EXPECT_TRUE(image.labels[0].masks[0][0][4].item<bool>());
  EXPECT_TRUE(image.labels[1].masks[0][3][0].item<bool>());
  EXPECT_THAT(slices.load(2).labels, IsEmpty());
  const auto colour = slices.load(3);
  EXPECT_EQ(colour.image[3][5][2].item<int>(), 77);
  EXPECT_EQ(colour.image[3][5][0].item<int>(), 0);
  EXPECT_FALSE(colour.spacing_mm.has_value());
  options_.keep_empty = false;
  EXPECT_EQ(NpzSlices(options_).size(), 2);
  options_.every = 2;
  EXPECT_EQ(NpzSlices(options_).size(), 1);
}

TEST_F(NpzCasesTest, ObjectsIgnoredValuesAndExcludedCases) {
  test::write_text(folder_ / "table.toml", "\"cell\" = \"nonzero\"\n");
  options_.exclude = {"CT_0001"};
  options_.targets = "instances";
  EXPECT_EQ(NpzSlices(options_).load(0).labels.at(0).masks.size(0), 1) << "they touch";
  options_.targets = "values";
  EXPECT_EQ(NpzSlices(options_).load(0).labels.at(0).masks.size(0), 2);
  options_.ignore = {300};
  const auto image = NpzSlices(options_).load(0);
  EXPECT_EQ(image.labels.at(0).masks.size(0), 1);
  EXPECT_EQ(image.ignore.sum().item<int>(), 1);
  options_.exclude = {"CT_0001", "CT_9"};
  options_.expect = 2;
  EXPECT_THAT(NpzSlices(options_).faults(), SizeIs(2));
}

TEST_F(NpzCasesTest, Refusals) {
  const auto labels = torch::zeros({4, 5}, torch::kInt32);
  const auto write = [&](const std::vector<std::pair<std::string, at::Tensor>>& arrays) {
    write_npz(folder_ / "A_1.npz", arrays);
  };
  write({{"imgs", torch::zeros({4, 6}, torch::kUInt8)}, {"gts", labels}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("A_1.npz"), HasSubstr("another size")));
  write({{"imgs", torch::full({4, 5}, 3000, torch::kInt32)}, {"gts", labels}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("grey values that need a window")));
  write({{"imgs", torch::full({4, 5}, 30, torch::kInt32)}, {"gts", labels - 1}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("no label values")));
  write({{"imgs", torch::full({4, 5}, 30, torch::kInt32)}, {"gts", torch::zeros({4}, torch::kInt32)}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("no label map")));
  write({{"imgs", torch::full({4, 5}, 30, torch::kInt32)}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("gts")));
  write({{"imgs", torch::full({4, 5}, 30, torch::kInt32)},
         {"gts", labels},
         {"spacing", torch::tensor({0.0, -1.0, 2.0}, torch::kFloat64)}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("impossible spacing")));
  write({{"imgs", torch::full({4, 5}, 30, torch::kInt32)}, {"gts", labels}});
  options_.window = "percentiles";
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("without contrast")));
  test::write_text(folder_ / "A_1.npz", "PK");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("3 "), HasSubstr("A_1.npz")));
}

}  // namespace
}  // namespace sam3lab::npz_cases_test
