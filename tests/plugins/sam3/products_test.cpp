// Products by other kernels are the same products, forward and backward, to float32's rounding.
#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "core/profile/flops.h"
#include "plugins/backbones/sam3/kernels/products.h"

namespace sam3lab::sam3::products_test {
namespace {

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b.to(at::kDouble)).norm() / b.to(at::kDouble).norm()).item<double>();
}

// Chooses the kernels of large products while it lives.
class Choose {
 public:
  explicit Choose(bool onednn) : before_(std::exchange(large_products_by_onednn(), onednn)) {}
  ~Choose() { large_products_by_onednn() = before_; }
  Choose(const Choose&) = delete;
  Choose& operator=(const Choose&) = delete;

 private:
  bool before_;
};

constexpr std::int64_t rows = 1030, in = 390, out = 450;  // large enough, and no multiple of any block

class LargeProducts : public testing::TestWithParam<bool> {};

TEST_P(LargeProducts, LinearIsTheFormulaWithItsGradients) {
  const Choose kernels(GetParam());
  at::manual_seed(4);
  const at::Tensor x = at::randn({2, in, rows / 2}).transpose(1, 2), weight = at::randn({out, in}), bias = at::randn({out});
  const at::Tensor given = at::randn({2, out, rows / 2}).transpose(1, 2);
  for (const bool with_bias : {true, false}) {
    std::vector<std::vector<at::Tensor>> results;
    for (const bool ours : {true, false}) {
      const auto type = ours ? at::kFloat : at::kDouble;
      std::vector<at::Tensor> leaves{x.detach().to(type).requires_grad_(), weight.detach().to(type).requires_grad_(),
                                     bias.detach().to(type).requires_grad_()};
      if (!with_bias) leaves[2] = at::Tensor();
      const at::Tensor y = ours ? linear(leaves[0], leaves[1], leaves[2])
                                : at::matmul(leaves[0], leaves[1].t()) + (with_bias ? leaves[2] : at::zeros({1}, at::kDouble));
      y.backward(given.to(type));
      results.push_back({y.detach(), leaves[0].grad(), leaves[1].grad()});
      if (with_bias) results.back().push_back(leaves[2].grad());
    }
    for (std::size_t i = 0; i < results[0].size(); ++i) {
      ASSERT_EQ(results[0][i].sizes(), results[1][i].sizes()) << i;
      EXPECT_LT(difference(results[0][i], results[1][i]), 1e-6) << i;
    }
  }
}

TEST_P(LargeProducts, GradientsComeOnlyWhereTheyAreAsked) {
  const Choose kernels(GetParam());
  const at::Tensor x = at::randn({rows, in}), weight = at::randn({out, in}).requires_grad_(), bias = at::randn({out});
  linear(x, weight, bias).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
  EXPECT_FALSE(x.grad().defined() || bias.grad().defined());
  EXPECT_FALSE(linear(x, weight.detach(), bias).requires_grad());
}

// What comes out may be changed in place, as a residual sum or an activation does.
TEST_P(LargeProducts, ResultMayBeChangedInPlace) {
  const Choose kernels(GetParam());
  const at::Tensor x = at::randn({2, rows / 2, in}).requires_grad_();
  linear(x, at::randn({out, in}), at::Tensor()).mul_(2.0).sum().backward();
  EXPECT_TRUE(x.grad().defined());
}

TEST_P(LargeProducts, ProductTakesAnyStrides) {
  const Choose kernels(GetParam());
  const at::Tensor a = at::randn({rows, in}), b = at::randn({in, out}), expected = at::mm(a.to(at::kDouble), b.to(at::kDouble));
  const at::Tensor wide = at::zeros({rows, 2 * in});
  wide.narrow(1, in, in).copy_(a);
  for (const at::Tensor& left : {a, a.t().contiguous().t(), wide.narrow(1, in, in)}) {
    for (const at::Tensor& right : {b, b.t().contiguous().t()}) EXPECT_LT(difference(product(left, right), expected), 1e-6);
  }
}

TEST_P(LargeProducts, AreCountedOnce) {
  const Choose kernels(GetParam());
  const at::Tensor x = at::randn({rows, in}).requires_grad_(), weight = at::randn({out, in}).requires_grad_();
  const FlopCounter counter;
  linear(x, weight, at::Tensor()).sum().backward();
  EXPECT_DOUBLE_EQ(counter.flops(), 3.0 * 2.0 * rows * in * out);
}

TEST_P(LargeProducts, RepeatToTheLastBit) {
  const Choose kernels(GetParam());
  const at::Tensor x = at::randn({rows, in}), weight = at::randn({out, in});
  EXPECT_TRUE(at::equal(linear(x, weight, at::Tensor()), linear(x, weight, at::Tensor())));
}

INSTANTIATE_TEST_SUITE_P(Kernels, LargeProducts, testing::Bool(),
                         [](const auto& given) { return std::string(given.param ? "onednn" : "mkl"); });

TEST(Products, FollowAutocast) {
  const Choose kernels(true);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto type = linear(at::randn({rows, in}), at::randn({out, in}), at::Tensor()).scalar_type();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(type, at::kBFloat16);
}

TEST(Products, TilesOfLargerMatrices) {
  for (const auto& [m, n, k] : std::vector<std::array<std::int64_t, 3>>{{1, 1, 1}, {7, 33, 5}, {128, 768, 32}, {32, 50, 128}}) {
    const at::Tensor a = at::randn({m, k + 3}), b = at::randn({k, n + 2}), c = at::randn({m, n + 1});
    const at::Tensor expected = at::mm(a.narrow(1, 0, k).to(at::kDouble), b.narrow(1, 0, n).to(at::kDouble));
    for (const bool add : {false, true}) {
      const at::Tensor into = c.clone();
      tile_product({a.data_ptr<float>(), k + 3}, {b.data_ptr<float>(), n + 2}, {into.data_ptr<float>(), n + 1}, m, n, k, add);
      EXPECT_LT(difference(into.narrow(1, 0, n), add ? expected + c.narrow(1, 0, n) : expected), 1e-6);
      EXPECT_TRUE(at::equal(into.narrow(1, n, 1), c.narrow(1, n, 1)));  // what lies beside stays
    }
  }
}

}  // namespace
}  // namespace sam3lab::sam3::products_test
