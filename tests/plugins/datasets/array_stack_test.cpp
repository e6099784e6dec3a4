// Images of one array and masks of another: PanNuke's form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include <sam3lab/api/error.h>
#include <torch/types.h>

#include "plugins/datasets/array_stack/image_stack.h"
#include "tests/support/make_files.h"

namespace sam3lab::array_stack_test {
using namespace datasets::array_stack;
namespace {

using testing::HasSubstr;

// A .npy file of version 1.0, doubles in C order.
void write_npy(const std::filesystem::path& path, const at::Tensor& array) {
  std::string shape;
  for (const auto n : array.sizes()) shape += std::to_string(n) + ", ";
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  const auto data = array.to(torch::kFloat64).contiguous();
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out.write("\x93NUMPY\x01\x00", 8);
  out.put(static_cast<char>(header.size() & 0xff)).put(static_cast<char>(header.size() >> 8));
  out << header;
  out.write(static_cast<const char*>(data.const_data_ptr()), static_cast<std::streamsize>(data.nbytes()));
}

class ArrayStack : public testing::Test {
 protected:
  ArrayStack() {
    options_.root = folder_ / "";
    options_.images = {"Fold {fold:[1-3]}/images/images.npy"};
    options_.masks = {"Fold {fold}/masks/masks.npy"};
    options_.labels = {"tumour", "stroma"};
    options_.subset = "fold{fold}";
    options_.subsets = {"fold2=test"};
    options_.targets = "instances";
    options_.pixel_um = 250.0;
    for (const auto* fold : {"Fold 1", "Fold 2"}) {
      auto images = torch::full({3, 8, 10, 3}, 7.0), masks = torch::zeros({3, 8, 10, 3});
      images[1].fill_(200.0);
      masks.index_put_({1, torch::indexing::Slice(0, 2), torch::indexing::Slice(0, 3), 0}, 4.0);
      masks.index_put_({1, torch::indexing::Slice(5, 8), torch::indexing::Slice(0, 2), 0}, 9.0);
      masks.index_put_({2, torch::indexing::Slice(), torch::indexing::Slice(), 2}, 1.0);
      write_npy(folder_ / (std::string(fold) + "/images/images.npy"), images);
      write_npy(folder_ / (std::string(fold) + "/masks/masks.npy"), masks);
    }
  }
  test::TempFolder folder_;
  ArrayStackOptions options_;
};

TEST_F(ArrayStack, GivesEachImageItsObjects) {
  const ImageStack stack(options_);
  EXPECT_TRUE(stack.faults().empty());
  ASSERT_EQ(stack.size(), 6);
  EXPECT_EQ(stack.item(1).id, "Fold 1/images/images/00001");
  EXPECT_EQ(stack.item(1).subset, "fold1");
  EXPECT_EQ(stack.item(4).subset, "test");
  EXPECT_EQ(stack.item(4).subject, "Fold 2/images/images/00001");
  EXPECT_EQ(stack.labels(), (std::vector<std::string>{"stroma", "tumour"}));
  EXPECT_TRUE(stack.load(0).labels.empty());
  EXPECT_TRUE(stack.load(2).labels.empty()) << "the third channel is nobody's";
  const auto loaded = stack.load(4);
  EXPECT_EQ(loaded.image.sizes(), (std::vector<std::int64_t>{8, 10, 3}));
  EXPECT_EQ(loaded.image.scalar_type(), torch::kUInt8);
  EXPECT_EQ(loaded.image.max().item<int>(), 200);
  ASSERT_EQ(loaded.labels.size(), 1U);
  EXPECT_EQ(loaded.labels[0].label, "tumour");
  ASSERT_EQ(loaded.labels[0].masks.size(0), 2);
  EXPECT_EQ(loaded.labels[0].masks[0].sum().item<int>(), 6);
  EXPECT_EQ(loaded.labels[0].masks[1].sum().item<int>(), 6);
  EXPECT_EQ(loaded.spacing_mm, (std::array{0.25, 0.25}));
}

TEST_F(ArrayStack, UnitesAClass) {
  options_.targets = "class";
  options_.subject = "{fold}";
  const ImageStack stack(options_);
  const auto loaded = stack.load(1);
  ASSERT_EQ(loaded.labels.size(), 1U);
  EXPECT_EQ(loaded.labels[0].masks.size(0), 1);
  EXPECT_EQ(loaded.labels[0].masks.sum().item<int>(), 12);
  EXPECT_EQ(stack.item(1).subject, "1");
}

TEST_F(ArrayStack, FindsFaults) {
  options_.expect = 7;
  options_.labels = {"a", "b", "c", "d"};
  EXPECT_EQ(ImageStack(options_).faults().size(), 3U) << "too few channels, twice, and the number of images";
  options_.expect = 0;
  options_.labels = {"a"};
  write_npy(folder_ / "Fold 1/masks/masks.npy", torch::zeros({2, 8, 10}));
  std::filesystem::remove(folder_ / "Fold 2/masks/masks.npy");
  const ImageStack stack(options_);
  ASSERT_EQ(stack.faults().size(), 2U);
  EXPECT_THAT(stack.faults()[0].what, HasSubstr("does not go with its images"));
  EXPECT_THAT(stack.faults()[1].what, HasSubstr("not one file of masks"));
  EXPECT_EQ(stack.size(), 0);
}

TEST_F(ArrayStack, RefusesWhatIsNoImageOrNumber) {
  write_npy(folder_ / "Fold 1/images/images.npy", torch::full({3, 8, 10}, -1.0));
  EXPECT_THROW(ImageStack(options_).load(0), DataError);
  write_npy(folder_ / "Fold 2/masks/masks.npy", torch::full({3, 8, 10, 3}, 0.5));
  EXPECT_THROW(ImageStack(options_).load(3), DataError);
  options_.masks = {"a", "b"};
  EXPECT_THROW(ImageStack{options_}, UsageError);
}

}  // namespace
}  // namespace sam3lab::array_stack_test
