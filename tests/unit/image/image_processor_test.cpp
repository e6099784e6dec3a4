// Images and predictions against the published package's image processor; scripts/golden/processor.py wrote the expected
// values.
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <sam3lab/api/image.h>

#include "core/eval/predict.h"
#include "core/image/model_image.h"
#include "core/tensor/safetensors.h"
#include "tests/support/make_files.h"

namespace sam3lab::image_processor_test {
namespace {

const Tensors& golden() {
  static const auto file = read_safetensors(std::string(SAM3LAB_SOURCE_DIR) + "/tests/golden/processor.safetensors");
  return file.tensors;
}

at::Tensor tensor_of_file(const std::string& name, std::int64_t side) {
  const test::TempFolder folder;
  const auto bytes = golden().at("file." + name).contiguous();
  const auto* data = bytes.const_data_ptr<std::uint8_t>();
  test::write_bytes(folder / name, {data, data + bytes.numel()});
  return model_image(rgb_bytes(read_raster(folder / name)), side);
}

TEST(Processor, ImagesOfEveryKindBecomeTheSameTensor) {
  int files = 0;
  for (const auto& [key, levels] : golden()) {
    if (!key.starts_with("levels.")) continue;
    const auto name = key.substr(7);
    const auto tensor = tensor_of_file(name, levels.size(1));
    ASSERT_EQ(tensor.sizes(), levels.sizes()) << name;
    ASSERT_EQ(tensor.scalar_type(), at::kFloat);
    const auto difference = ((tensor + 1) * 127.5 - levels.to(at::kFloat)).abs();
    EXPECT_LE(difference.max().item<float>(), 1.001F) << name << ", grey levels";
    EXPECT_LE((difference.mean() / 127.5).item<float>(), 1e-3F) << name;
    ++files;
  }
  EXPECT_EQ(files, 22);
  const auto& expected = golden().at("tensor.down_rgb.png");
  const auto difference = (tensor_of_file("down_rgb.png", expected.size(1)) - expected).abs();
  EXPECT_LE(difference.max().item<float>(), 1.001F / 127.5F);
  EXPECT_LE(difference.mean().item<float>(), 1e-3F);
}

TEST(Processor, NormalisesInItsOrderOfOperations) {
  const auto levels = golden().at("levels.down_rgb.png");
  EXPECT_TRUE(normalised(levels).equal(golden().at("tensor.down_rgb.png")));
}

TEST(Processor, AWindowTakesThePlaceOfTheHighByte) {
  const auto deep = at::tensor({0, 1000, 2000, 3000, 65535}, at::kInt).view({1, 5, 1});
  EXPECT_TRUE(rgb_bytes(deep).select(2, 0).equal(at::tensor({0, 3, 7, 11, 255}, at::kByte).view({1, 5})));
  EXPECT_TRUE(rgb_bytes(deep, {{1000, 3000}}).select(2, 2).equal(at::tensor({0, 0, 128, 255, 255}, at::kByte).view({1, 5})));
}

TEST(Processor, KeepsTheSameInstancesWithTheSameMasks) {
  Outputs outputs;
  outputs.last.one_to_one = {golden().at("post.logits"), golden().at("post.boxes"), golden().at("post.masks")};
  outputs.last.presence = golden().at("post.presence");
  const auto size = golden().at("post.size");
  const auto height = size[0].item<std::int64_t>(), width = size[1].item<std::int64_t>();
  std::vector<std::int64_t> counts;
  for (const double threshold : {0.1, 0.5, 0.7, 0.99}) {
    const auto prefix = "post." + std::string(threshold == 0.1   ? "0.1"
                                              : threshold == 0.5 ? "0.5"
                                              : threshold == 0.7 ? "0.7"
                                                                 : "0.99");
    const auto found = find_instances(outputs, 0, height, width, threshold);
    const auto &scores = golden().at(prefix + ".scores"), &boxes = golden().at(prefix + ".boxes");
    ASSERT_EQ(found.scores.sizes(), scores.sizes()) << threshold;
    counts.push_back(scores.size(0));
    EXPECT_TRUE(found.scores.allclose(scores, 1e-6, 1e-7)) << threshold;
    EXPECT_TRUE(found.boxes.allclose(boxes, 1e-5, 1e-4)) << threshold;
    EXPECT_TRUE(found.masks.equal(golden().at(prefix + ".masks").to(at::kBool))) << threshold;
  }
  EXPECT_EQ(counts, (std::vector<std::int64_t>{7, 5, 2, 0}));
}

TEST(Processor, TheUpstreamRuleKeepsItsTopMask) {
  Outputs outputs;
  outputs.last.one_to_one = {golden().at("post.logits"), golden().at("post.boxes"), golden().at("post.masks")};
  outputs.last.presence = golden().at("post.presence");
  EvaluateOptions options;
  options.protocol = "upstream";
  options.confidence = EvaluateOptions::upstream_confidence;
  const auto top = predict(outputs, 0, 1, 23, 37, options).front();
  const auto& scores = golden().at("post.0.1.scores");
  const auto best = scores.argmax().item<std::int64_t>();
  EXPECT_TRUE(top.fired);
  EXPECT_NEAR(top.confidence, scores[best].item<double>(), 1e-6);
  EXPECT_TRUE(top.mask.equal(golden().at("post.0.1.masks")[best].to(at::kBool)));
  EXPECT_TRUE(top.box.allclose(golden().at("post.0.1.boxes")[best], 1e-5, 1e-4));
  // Exactly at the threshold: `strict` keeps it, `upstream` does not.
  options.confidence = top.confidence;
  EXPECT_FALSE(predict(outputs, 0, 1, 23, 37, options).front().fired);
  options.protocol = "strict";
  EXPECT_TRUE(predict(outputs, 0, 1, 23, 37, options).front().fired);
}

TEST(Protocol, ItsTextNamesRuleAndNumbers) {
  EvaluateOptions options;
  EXPECT_TRUE(protocol_text(options).starts_with("strict: most confident mask of each prompt, kept from confidence 0.5"));
  options.protocol = "upstream";
  options.confidence = 0.1;
  const auto text = protocol_text(options);
  EXPECT_TRUE(text.starts_with("upstream: ")) << text;
  EXPECT_NE(text.find("above confidence 0.1"), std::string::npos) << text;
  EXPECT_NE(text.find("without a target are skipped"), std::string::npos) << text;
}

}  // namespace
}  // namespace sam3lab::image_processor_test
