// Winograd's convolution is the direct one, forward and backward, to float32's rounding.
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "plugins/backbones/sam3/kernels/winograd.h"

namespace sam3lab::winograd_test {
namespace {

struct Case {
  const char* name;
  std::vector<std::int64_t> shape;  // of the maps
  std::int64_t out;
  bool channels_last;
};

void PrintTo(const Case& given, std::ostream* out) { *out << given.name; }

// Result and gradients of x, weight and bias in the type of `x`, for a gradient `given`.
std::vector<at::Tensor> run(bool direct, at::ScalarType type, const std::vector<at::Tensor>& inputs, const at::Tensor& given) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().to(type).requires_grad_());
  const at::Tensor out =
      direct ? at::conv2d(leaves[0], leaves[1], leaves[2], {1, 1}, {1, 1}) : sam3::winograd(leaves[0], leaves[1], leaves[2]);
  out.backward(given.to(type));
  return {out.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
}

class Winograd : public testing::TestWithParam<Case> {};

TEST_P(Winograd, IsTheDirectConvolution) {
  const auto& [name, shape, channels, last] = GetParam();
  torch::manual_seed(1);
  const auto layout = last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  const std::vector<at::Tensor> inputs{at::randn(shape).contiguous(layout), at::randn({channels, shape[1], 3, 3}),
                                       at::randn({channels})};
  const at::Tensor given = at::randn({shape[0], channels, shape[2], shape[3]}).contiguous(layout);
  const auto exact = run(true, at::kDouble, inputs, given), got = run(false, at::kFloat, inputs, given);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    ASSERT_EQ(got[i].sizes(), exact[i].sizes()) << i;
    EXPECT_LE((got[i] - exact[i]).abs().max().item<double>(), 2e-6 * exact[i].abs().max().item<double>()) << i;
  }
}

// Several strips of rows with a short last one, one strip, and the smallest map.
INSTANTIATE_TEST_SUITE_P(Maps, Winograd,
                         testing::Values(Case{"strips", {2, 8, 50, 60}, 12, true},
                                         Case{"one_strip", {1, 130, 8, 10}, 128, true},
                                         Case{"contiguous", {2, 16, 12, 8}, 24, false},
                                         Case{"smallest", {1, 8, 2, 2}, 8, true}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Winograd, ServesLargeMapsOfManyChannelsInFloat32Only) {
  const auto suits = [](at::IntArrayRef maps, std::int64_t kernel, at::ScalarType type) {
    return sam3::suits_winograd(at::empty(maps, type), at::empty({128, maps[1], kernel, kernel}, type));
  };
  EXPECT_TRUE(suits({1, 128, 64, 64}, 3, at::kFloat));
  EXPECT_FALSE(suits({1, 128, 64, 65}, 3, at::kFloat));
  EXPECT_FALSE(suits({1, 128, 32, 32}, 3, at::kFloat));
  EXPECT_FALSE(suits({1, 64, 64, 64}, 3, at::kFloat));
  EXPECT_FALSE(suits({1, 128, 64, 64}, 1, at::kFloat));
  EXPECT_FALSE(suits({1, 128, 64, 64}, 3, at::kBFloat16));
}

}  // namespace
}  // namespace sam3lab::winograd_test
