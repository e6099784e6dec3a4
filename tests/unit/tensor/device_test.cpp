// The choice of a device, batches on it, and the update whose kernel for GPUs must give the bits of the CPU.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sam3lab/api/error.h>

#include "core/config/check_training.h"
#include "core/config/device_name.h"
#include "core/tensor/device.h"
#include "core/optim/adamw.h"
#include "core/optim/adamw_update.h"
#include "core/optim/cuda_kernels.h"
#include "core/tensor/on_device.h"

namespace sam3lab::tensor_device_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(DeviceName, IsReadWholeOrNotAtAll) {
  EXPECT_TRUE(parse_device("auto")->automatic);
  EXPECT_FALSE(parse_device("cpu")->cuda);
  EXPECT_EQ(parse_device("cuda")->index, -1);
  EXPECT_EQ(parse_device("cuda:12")->index, 12);
  for (const char* text :
       {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1x", "cuda:64", "cuda: 1", "cpu:0", "cuda:99999999999"}) {
    EXPECT_FALSE(parse_device(text).has_value()) << text;
  }
}

TEST(ChooseDevice, SaysWhatIsMissing) {
  EXPECT_TRUE(choose_device("cpu", "--device").device.is_cpu());
  const auto chosen = choose_device("auto", "--device");
  if (chosen.device.is_cpu()) {
    EXPECT_EQ(chosen.text(), "cpu (" + cuda_state() + ")");
  } else {
    EXPECT_EQ(chosen.device.str(), "cuda:0");
  }
  EXPECT_THAT([] { choose_device("cuda:63", "--device"); },
              ThrowsMessage<UsageError>(AllOf(HasSubstr("--device: this device is not there; got cuda:63: " + cuda_state()),
                                              HasSubstr("choose auto or cpu"))));
  EXPECT_THAT([] { choose_device("tpu", "--device"); }, ThrowsMessage<UsageError>(HasSubstr("auto, cpu, cuda or cuda:N")));
  EXPECT_THAT([] { choose_device("cuda:0", "train.device", 3); },
              ThrowsMessage<UsageError>(HasSubstr("process 3 of this machine works on GPU 3")));
}

TEST(ChooseDevice, CopiesAreOfTheCpu) {
  Experiment experiment;
  experiment.train.replicas = 2;
  EXPECT_TRUE(training_faults(experiment, "a.toml").empty());
  experiment.train.device = "cuda";
  ASSERT_EQ(training_faults(experiment, "a.toml").size(), 1U);
  experiment.train.device = "tpu";
  EXPECT_THAT(training_faults(experiment, "a.toml").front().text(), HasSubstr("train.device is no device; got tpu"));
}

TEST(OnDevice, MovesEveryTensor) {
  Batch batch;
  batch.images = at::ones({1, 3, 4, 4});
  batch.image_index = at::zeros({1}, at::kLong);
  batch.targets = {at::ones({1}, at::kLong), at::ones({1, 4}), at::ones({1, 1, 4}), at::ones({1, 4, 4}, at::kBool),
                   at::ones({1, 4, 4}, at::kBool)};
  batch.box_prompts = {at::ones({1, 2, 4}), at::ones({1, 2}, at::kLong), at::ones({1, 2}, at::kBool)};
  const auto moved = on_device(batch, c10::Device(c10::kMeta));
  const auto& t = moved.targets;
  const auto& p = moved.box_prompts;
  for (const auto& tensor : {moved.images, moved.image_index, t.num_boxes, t.boxes, t.boxes_padded, t.masks, t.ignore, p.boxes,
                             p.labels, p.padding}) {
    EXPECT_TRUE(tensor.is_meta());
  }
  EXPECT_TRUE(batch.images.is_cpu());
  batch.targets = {};
  EXPECT_FALSE(on_device(batch, c10::Device(c10::kMeta)).targets.masks.defined());
  EXPECT_TRUE(on_device(batch, c10::Device(c10::kCPU)).images.is_same(batch.images));
}

struct Update {
  std::int64_t count = 100003;
  at::Tensor parameter, gradient, first, second;

  Update() {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t{11});
    const auto normal = [&] { return at::randn({count}, generator, at::kFloat); };
    parameter = normal(), gradient = normal(), first = normal().to(at::kBFloat16), second = normal().square().to(at::kBFloat16);
  }
  static AdamWStep step() { return {0.9F, 0.999F, 1e-8F, 0.9999F, 1e-3F, 0.3F, 0.7F, 0x12345678U}; }
  void on_cpu(std::int64_t from, std::int64_t many) const {
    const auto halves = [from](const at::Tensor& x) { return static_cast<std::uint16_t*>(x.data_ptr()) + from; };
    adamw_bfloat16(parameter.data_ptr<float>() + from, gradient.const_data_ptr<float>() + from, halves(first), halves(second),
                   from, many, step());
  }
};

// Written out in float64: whatever the processor's vectors do, the numbers are those of the formula, and moments are neighbours
// of theirs in bfloat16.
TEST(AdamWUpdate, FollowsTheFormulaInEveryDivisionOfTheWork) {
  const Update whole, pieces;
  const auto p = whole.parameter.to(at::kDouble), g = whole.gradient.to(at::kDouble) * 0.7;
  const auto m = whole.first.to(at::kDouble) * 0.9 + g * 0.1, v = whole.second.to(at::kDouble) * 0.999 + g * g * 0.001;
  const auto expected = p * 0.9999 - m * 1e-3 / (v.sqrt() / 0.3 + 1e-8);
  whole.on_cpu(0, whole.count);
  for (std::int64_t from = 0, many = 1; from < pieces.count; from += many, many = many * 3 + 2) {
    pieces.on_cpu(from, std::min(many, pieces.count - from));
  }
  EXPECT_TRUE(at::equal(whole.parameter, pieces.parameter));
  EXPECT_TRUE(at::equal(whole.first, pieces.first));
  EXPECT_TRUE(at::equal(whole.second, pieces.second));
  EXPECT_LT(((whole.parameter - expected).abs() / expected.abs().clamp_min(1e-2)).max().item<double>(), 1e-4);
  for (const auto& [moment, exact] : {std::pair(whole.first, m), std::pair(whole.second, v)}) {
    const auto off = (moment.to(at::kDouble) - exact) / exact.abs().clamp_min(1e-3);
    EXPECT_LT(off.abs().max().item<double>(), 1.0 / 64);                       // less than one step of 8 bits
    EXPECT_LT(std::abs(off.mean().item<double>()), 1e-4);                      // and not to one side
    EXPECT_GT((off.abs() > 1e-3).to(at::kDouble).mean().item<double>(), 0.3);  // it is rounded at all
  }
}

TEST(Gpu, AdamWGivesTheBitsOfTheCpu) {
  const auto chosen = choose_device("auto", "test");
  if (chosen.device.is_cpu()) GTEST_SKIP() << "NOT RUN, for it needs a GPU: " << cuda_state();
  const Update cpu;
  std::vector<at::Tensor> there;
  for (const auto& tensor : {cpu.parameter, cpu.gradient, cpu.first, cpu.second}) there.push_back(tensor.to(chosen.device));
  cpu.on_cpu(0, cpu.count);
  adamw_bfloat16_cuda(there[0], there[1], there[2], there[3], Update::step());
  EXPECT_TRUE(at::equal(there[0].cpu(), cpu.parameter));
  EXPECT_TRUE(at::equal(there[2].cpu(), cpu.first));
  EXPECT_TRUE(at::equal(there[3].cpu(), cpu.second));
}

}  // namespace
}  // namespace sam3lab::tensor_device_test
