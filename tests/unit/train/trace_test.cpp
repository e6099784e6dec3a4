// What `sam3lab trace` refuses before it builds a model.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#include "core/tensor/safetensors.h"
#include "core/train/trace.h"
#include "tests/support/temp_folder.h"

namespace sam3lab::trace_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const Schema schema = {{"depth", std::int64_t{2}, at_least(1)}, {"mlp_ratio", 4.0, {}}, {"global_att_blocks", Integers{}, {}}};

class TraceCaseTest : public testing::Test {
 protected:
  TraceCaseTest() {
    model(R"({"depth": 4, "mlp_ratio": 4, "global_att_blocks": [1, 3]})");
    batch_ = {{"image", at::zeros({2, 3, 4, 4})},
              {"boxes", at::tensor({0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.1, 0.1, 0.6, 0.6, 0.2, 0.2}, at::kFloat).view({3, 4})},
              {"masks", at::ones({3, 4, 4}, at::kByte)},
              {"num_boxes", at::tensor({2, 0, 1}, at::kLong)},
              {"image_index", at::tensor({0, 1, 1}, at::kLong)}};
  }

  void model(const std::string& sizes) const {
    std::ofstream(folder_ / "model.json") << R"({"lr": 0.001, "weight_decay": 0.05, "sizes": )" << sizes << "}";
  }
  [[nodiscard]] TraceCase read(const Metadata& metadata = {{"texts", R"(["a", "b", "c"])"}}) const {
    write_safetensors((folder_ / "batch.safetensors").string(), batch_, metadata);
    return read_trace_case(folder_.string(), schema);
  }
  [[nodiscard]] std::string refusal(const Metadata& metadata = {{"texts", R"(["a", "b", "c"])"}}) const {
    try {
      (void)read(metadata);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  }

  test::TempFolder temporary_;
  fs::path folder_ = temporary_.path();
  Tensors batch_;
};

TEST_F(TraceCaseTest, BecomesABatch) {
  const auto trace_case = read();
  EXPECT_EQ(std::get<std::int64_t>(trace_case.sizes.at("depth")), 4);
  EXPECT_EQ(std::get<double>(trace_case.sizes.at("mlp_ratio")), 4.0);
  EXPECT_EQ(std::get<Integers>(trace_case.sizes.at("global_att_blocks")), Integers({1, 3}));
  EXPECT_EQ(trace_case.batch.texts, Texts({"a", "b", "c"}));
  EXPECT_EQ(trace_case.batch.targets.masks.scalar_type(), at::kBool);
  const auto padded = trace_case.batch.targets.boxes_padded;
  ASSERT_EQ(padded.sizes(), at::IntArrayRef({3, 2, 4}));
  EXPECT_TRUE(padded[0].equal(batch_["boxes"].narrow(0, 0, 2)));
  EXPECT_TRUE(padded[1].equal(at::zeros({2, 4})));
  EXPECT_TRUE(padded[2][0].equal(batch_["boxes"][2]));
  EXPECT_FALSE(trace_case.batch.box_prompts.boxes.defined());
}

TEST_F(TraceCaseTest, MayHaveBoxPrompts) {
  batch_["prompt_boxes"] = at::full({3, 1, 4}, 0.5);
  batch_["prompt_labels"] = at::ones({3, 1}, at::kLong);
  batch_["prompt_padding"] = at::tensor({0, 1, 0}, at::kByte).view({3, 1});
  EXPECT_TRUE(read().batch.box_prompts.padding.equal(at::tensor({0, 1, 0}, at::kByte).view({3, 1}).to(at::kBool)));
}

TEST_F(TraceCaseTest, IsRefusedWhereItsPartsDoNotFit) {
  EXPECT_THAT(refusal({}), HasSubstr("texts"));
  EXPECT_THAT(refusal({{"texts", "[1]"}}), HasSubstr("texts"));
  EXPECT_THAT(refusal({{"texts", R"(["a"])"}}), HasSubstr("another shape"));
  batch_["num_boxes"] = at::tensor({2, 0, 2}, at::kLong);
  EXPECT_THAT(refusal(), HasSubstr("does not fit"));
  batch_["num_boxes"] = at::tensor({4, -2, 1}, at::kLong);
  EXPECT_THAT(refusal(), HasSubstr("does not fit"));
  batch_["num_boxes"] = at::tensor({2, 0, 1}, at::kLong);
  batch_["image_index"] = at::tensor({0, 1, 2}, at::kLong);
  EXPECT_THAT(refusal(), HasSubstr("does not fit"));
  batch_.erase("image_index");
  EXPECT_THAT(refusal(), HasSubstr("lacks the tensor 'image_index'"));
}

TEST_F(TraceCaseTest, IsRefusedWhereItsModelIsUnknown) {
  model(R"({"depth": "4"})");
  EXPECT_THAT(refusal(), HasSubstr("another type"));
  model(R"({"depth": 0})");
  EXPECT_THAT(refusal(), HasSubstr("out of range"));
  model(R"({"width": 4})");
  EXPECT_THAT(refusal(), HasSubstr("no option 'width'"));
  model(R"({"global_att_blocks": ["x"]})");
  EXPECT_THAT(refusal(), HasSubstr("another type"));
  std::ofstream(folder_ / "model.json") << "{}";
  EXPECT_THAT(refusal(), HasSubstr("no description"));
  std::ofstream(folder_ / "model.json") << "{";
  EXPECT_THAT(refusal(), HasSubstr("JSON"));
  fs::remove(folder_ / "model.json");
  EXPECT_THAT(refusal(), HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace sam3lab::trace_test
