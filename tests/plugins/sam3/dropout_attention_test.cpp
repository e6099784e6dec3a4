// Attention with dropout in tiles against the formula written out, with the same mask.
#include <cmath>
#include <limits>
#include <tuple>

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include "core/profile/flops.h"
#include "plugins/backbones/sam3/kernels/dropout_attention.h"
#include "plugins/backbones/sam3/kernels/recompute.h"

namespace sam3lab::sam3::dropout_attention_test {
namespace {

at::Tensor written_out(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask, double rate,
                       const at::Tensor& kept) {
  auto scores = at::matmul(q, k.transpose(-2, -1)) / std::sqrt(static_cast<double>(q.size(-1)));
  if (mask.defined()) {
    scores = mask.scalar_type() == at::kBool ? scores.masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity())
                                             : scores + mask;
  }
  const auto weights = at::nan_to_num(scores.softmax(-1)) * kept;
  return at::matmul(rate < 1.0 ? weights / (1.0 - rate) : weights, v);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm().clamp_min(1e-30)).item<double>();
}

struct Case {
  const char* name;
  std::int64_t samples, heads, queries, keys, width;
  double rate;
  enum class Mask { none, padding, bias_of_one } mask = Mask::none;
  bool packed = false;  // heads are slices of a wider projection, as in the model
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Tiles : public testing::TestWithParam<Case> {};

TEST_P(Tiles, EqualTheFormulaAndItsGradients) {
  const auto c = GetParam();
  at::manual_seed(3);
  const auto make = [&](std::int64_t length) {
    auto x = c.packed ? at::randn({c.samples, length, 3 * c.heads * c.width})
                            .narrow(2, c.heads * c.width, c.heads * c.width)
                            .unflatten(2, {c.heads, c.width})
                            .transpose(1, 2)
                      : at::randn({c.samples, c.heads, length, c.width});
    return x.mul_(1.5);
  };
  const auto q = make(c.queries), k = make(c.keys), v = make(c.keys),
             weight = at::randn({c.samples, c.heads, c.queries, c.width});
  at::Tensor mask;
  if (c.mask == Case::Mask::padding) mask = at::rand({c.samples, 1, 1, c.keys}) < 0.6;
  if (c.mask == Case::Mask::bias_of_one) mask = at::randn({1, c.heads, c.queries, c.keys});
  const auto kept = kept_weights({c.samples, c.heads, c.queries, c.keys}, c.rate, 11);
  std::vector<at::Tensor> got, expected;
  for (const bool tiles : {true, false}) {
    std::vector<at::Tensor> leaves;
    const auto type = tiles ? at::kFloat : at::kDouble;
    for (const auto& x : {q, k, v}) leaves.push_back(x.detach().to(type).requires_grad_(true));
    auto added = mask;
    if (c.mask == Case::Mask::bias_of_one) leaves.push_back(added = mask.detach().to(type).requires_grad_(true));
    const auto out = tiles ? dropout_attention(leaves[0], leaves[1], leaves[2], added, c.rate, 11)
                           : written_out(leaves[0], leaves[1], leaves[2], added, c.rate, kept);
    (out * weight.to(type)).sum().backward();
    auto& into = tiles ? got : expected;
    into.push_back(out.detach());
    for (const auto& leaf : leaves) into.push_back(leaf.grad());
  }
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_LT(difference(got[i].to(at::kDouble), expected[i]), 2e-6) << i;
}

INSTANTIATE_TEST_SUITE_P(Shapes, Tiles,
                         testing::Values(Case{"one", 1, 1, 1, 1, 4, 0.5}, Case{"odd", 2, 3, 37, 53, 12, 0.1},
                                         Case{"several_tiles", 1, 2, 300, 1601, 32, 0.1},
                                         Case{"padding", 2, 2, 130, 770, 8, 0.1, Case::Mask::padding},
                                         Case{"bias", 3, 2, 40, 900, 16, 0.3, Case::Mask::bias_of_one},
                                         Case{"packed", 2, 4, 129, 129, 8, 0.1, Case::Mask::none, true},
                                         Case{"rare", 1, 2, 64, 64, 8, 1e-3}, Case{"nothing_dropped", 1, 2, 64, 64, 8, 0.0}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(DropoutAttention, RowWithoutKeysGivesZeros) {
  const auto q = at::randn({1, 1, 2, 4}), k = at::randn({1, 1, 3, 4});
  const auto mask = at::ones({1, 1, 2, 3}, at::kBool);
  mask.select(2, 1).fill_(false);
  auto values = at::randn({1, 1, 3, 4}).requires_grad_(true);
  const auto out = dropout_attention(q, k, values, mask, 0.1, 5);
  EXPECT_TRUE(out.select(2, 1).eq(0).all().item<bool>());
  out.sum().backward();
  EXPECT_TRUE(values.grad().isfinite().all().item<bool>());
}

TEST(DropoutAttention, EverythingDroppedGivesZeros) {
  const auto q = at::randn({1, 2, 8, 4});
  EXPECT_TRUE(dropout_attention(q, q, q, {}, 1.0, 5).eq(0).all().item<bool>());
}

TEST(DropoutAttention, MaskHasTheRateAndNoPattern) {
  const std::int64_t rows = 2000, columns = 1000;
  for (const double rate : {0.1, 0.5}) {
    const auto dropped = kept_weights({1, 2, rows / 2, columns}, rate, 99).view({rows, columns}).logical_not().to(at::kDouble);
    const double deviation = std::sqrt(rate * (1 - rate));
    const double n = static_cast<double>(rows * columns);
    EXPECT_NEAR(dropped.mean().item<double>(), rate, 5 * deviation / std::sqrt(n));
    // Rows and columns vary as coins do: the variance of their means is rate (1 - rate) / length.
    const double of_rows = dropped.mean(1).var().item<double>() * static_cast<double>(columns) / (deviation * deviation);
    const double of_columns = dropped.mean(0).var().item<double>() * static_cast<double>(rows) / (deviation * deviation);
    EXPECT_NEAR(of_rows, 1.0, 5 * std::sqrt(2.0 / static_cast<double>(rows)));
    EXPECT_NEAR(of_columns, 1.0, 5 * std::sqrt(2.0 / static_cast<double>(columns)));
    // Neighbours are independent: their correlation is zero.
    const auto centred = (dropped - rate) / deviation;
    for (const std::int64_t step : {1, 2, 16}) {
      const double along =
          (centred.narrow(1, 0, columns - step) * centred.narrow(1, step, columns - step)).mean().item<double>();
      const double across = (centred.narrow(0, 0, rows - step) * centred.narrow(0, step, rows - step)).mean().item<double>();
      EXPECT_NEAR(along, 0.0, 5 / std::sqrt(n));
      EXPECT_NEAR(across, 0.0, 5 / std::sqrt(n));
    }
    const auto other = kept_weights({1, 2, rows / 2, columns}, rate, 100).view({rows, columns}).logical_not().to(at::kDouble);
    EXPECT_NEAR((centred * (other - rate) / deviation).mean().item<double>(), 0.0, 5 / std::sqrt(n));
  }
}

TEST(DropoutAttention, ThreadsChangeNoBit) {
  at::manual_seed(1);
  const auto q = at::randn({2, 3, 300, 16}), weight = at::randn({2, 3, 300, 16});
  const int before = at::get_num_threads();
  std::vector<at::Tensor> results;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    auto leaf = q.detach().clone().requires_grad_(true);
    const auto out = dropout_attention(leaf, leaf, leaf, {}, 0.1, 7);
    (out * weight).sum().backward();
    results.push_back(at::cat({out.detach(), leaf.grad()}));
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(results[0], results[1]));
  EXPECT_TRUE(at::equal(results[0], results[2]));
}

TEST(DropoutAttention, RecomputationSeesTheSameMask) {
  const auto q = at::randn({1, 2, 50, 8}), weight = at::randn({1, 2, 50, 8});
  const Step step = [](const std::vector<at::Tensor>& in) {
    return dropout_attention(in[0], in[0], in[0], {}, 0.3, draw_seed());
  };
  std::vector<at::Tensor> results;
  for (const bool again : {false, true}) {
    at::manual_seed(4);
    auto leaf = q.detach().clone().requires_grad_(true);
    const auto out = again ? recompute(step, {leaf}) : step({leaf});
    (void)at::rand({3});  // what follows draws too
    (out * weight).sum().backward();
    results.push_back(at::cat({out.detach(), leaf.grad()}));
  }
  EXPECT_TRUE(at::equal(results[0], results[1]));
  const auto seed = draw_seed();
  EXPECT_NE(seed, draw_seed());
}

TEST(DropoutAttention, ReportsItsFlops) {
  const auto make = [](std::int64_t length) { return at::rand({2, 3, length, 8}).requires_grad_(true); };
  const auto q = make(5), k = make(7), v = make(7);
  const FlopCounter counter;
  const auto out = dropout_attention(q, k, v, {}, 0.1, 1);
  const double product = 2.0 * 2 * 3 * 5 * 7 * 8;
  EXPECT_DOUBLE_EQ(counter.flops(), 2 * product);
  out.sum().backward();
  EXPECT_DOUBLE_EQ(counter.flops(), 7 * product);
}

}  // namespace
}  // namespace sam3lab::sam3::dropout_attention_test
