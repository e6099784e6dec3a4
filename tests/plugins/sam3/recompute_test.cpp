// What saves memory and time in training changes no result.
#include <cmath>

#include <gtest/gtest.h>
#include <torch/types.h>

#include "plugins/backbones/sam3/kernels/counted_dropout.h"
#include "plugins/backbones/sam3/kernels/dropout_attention.h"
#include "plugins/backbones/sam3/model/position.h"
#include "plugins/backbones/sam3/kernels/recompute.h"
#include "plugins/backbones/sam3/kernels/rotary_attention.h"
#include "plugins/backbones/sam3/model/vit.h"

namespace sam3lab::sam3::recompute_test {
namespace {

double difference(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm().clamp_min(1e-30)).item<double>();
}

// Gradients of every parameter, and of x at the end.
std::vector<at::Tensor> gradients(Module& part, const at::Tensor& x, const std::function<at::Tensor(const at::Tensor&)>& run) {
  NamedTensors all;
  part.collect(all);
  for (const auto& [name, parameter] : all) parameter.mutable_grad() = at::Tensor();
  at::manual_seed(8);
  const auto leaf = x.detach().clone().requires_grad_(x.requires_grad());
  const auto out = run(leaf);
  (out * at::cos(at::arange(out.numel(), at::kFloat)).view(out.sizes())).sum().backward();
  std::vector<at::Tensor> result{out.detach()};
  for (const auto& [name, parameter] : all) result.push_back(parameter.grad());
  result.push_back(leaf.grad());
  return result;
}

struct Block {
  explicit Block(std::int64_t window) : sizes(resolve(small())), block(root, "block", sizes, window, 0.5) {
    NamedTensors all;
    root.collect(all);
    at::manual_seed(2);
    const at::NoGradGuard no_gradient;
    for (const auto& [name, parameter] : all) parameter.normal_(0.0, 0.3);
    root.train(true);
  }
  static Sam3Options small() {
    Sam3Options options;
    options.size = "tiny";
    return options;
  }
  Module root;
  Sizes sizes;
  VitBlock block;
};

class SparingBlock : public testing::TestWithParam<std::int64_t> {};

TEST_P(SparingBlock, IsTheSameFunction) {
  Block of(GetParam());
  const auto x = at::randn({6, 6, 6, of.sizes.embed_dim}).requires_grad_(true);  // 6 is no multiple of the window 4
  const auto phases = axial_phases(of.sizes.embed_dim / of.sizes.num_heads, GetParam() > 0 ? GetParam() : 6, 1.0);
  ASSERT_TRUE(of.block.can_be_sparing());
  const auto plain = gradients(of.root, x, [&](const auto& in) { return of.block(in, phases); });
  for (const bool hidden : {true, false}) {
    const auto sparing = gradients(of.root, x, [&](const auto& in) { return of.block.sparing(in, phases, hidden); });
    const auto again = gradients(of.root, x, [&](const auto& in) {
      return recompute([&](const std::vector<at::Tensor>& inner) { return of.block.sparing(inner[0], phases, hidden); }, {in});
    });
    for (std::size_t i = 0; i < plain.size(); ++i) {
      EXPECT_LT(difference(sparing[i], plain[i]), 1e-6) << i;
      EXPECT_TRUE(at::equal(again[i], sparing[i])) << i;
    }
  }
}

TEST_P(SparingBlock, GivesGradientsToWhatTrainsAlone) {
  Block of(GetParam());
  for (const auto& frozen : {of.block.attn.qkv.weight, of.block.mlp.fc2.weight, of.block.mlp.fc2.bias, of.block.norm2.weight}) {
    at::Tensor(frozen).requires_grad_(false);
  }
  const auto x = at::randn({6, 4, 4, of.sizes.embed_dim});  // without gradient itself
  const auto phases = axial_phases(of.sizes.embed_dim / of.sizes.num_heads, 4, 1.0);
  const auto plain = gradients(of.root, x, [&](const auto& in) { return of.block(in, phases); });
  for (const bool hidden : {true, false}) {
    const auto sparing = gradients(of.root, x, [&](const auto& in) { return of.block.sparing(in, phases, hidden); });
    for (std::size_t i = 0; i < plain.size(); ++i) {
      ASSERT_EQ(plain[i].defined(), sparing[i].defined()) << i;
      if (plain[i].defined()) {
        EXPECT_LT(difference(sparing[i], plain[i]), 1e-6) << i;
      }
    }
  }
}

// What stochastic depth drops is not computed; AdamW must not see the difference.
TEST(AddPath, LeavesOutWhatItWouldMultiplyWithZero) {
  Module root;
  Linear linear(root, "linear", 4, 4);
  at::manual_seed(4);
  {
    const at::NoGradGuard no_gradient;
    linear.weight.normal_();
    linear.bias.normal_();
  }
  for (const double rate : {0.5, 1.0, 1e-9}) {
    std::int64_t computed = 0;
    const auto run = [&](const std::vector<at::Tensor>& weights) {
      computed = 0;
      return [&, weights](const at::Tensor& in) {
        return add_path(in, rate, true, weights, [&](const at::Tensor& some) {
          computed += some.size(0);
          return linear(some);
        });
      };
    };
    const auto x = at::randn({8, 3, 4}).requires_grad_(true);
    const auto all = gradients(root, x, run({}));
    EXPECT_EQ(computed, 8);
    const auto some = gradients(root, x, run({linear.weight, linear.bias}));
    EXPECT_EQ(computed, rate == 1.0 ? 0 : rate == 0.5 ? 4 : 8);  // 4 of this seed
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_LE(difference(some[i], all[i]), 1e-6) << i;
    EXPECT_TRUE(at::equal(some[0], all[0]));
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, SparingBlock, testing::Values(0, 4));

// A small square goes to LibTorch's kernel, a large one is computed in tiles; `side` 23 ends inside a tile.
class Rotary : public testing::TestWithParam<std::int64_t> {};

TEST_P(Rotary, EqualsComplexNumbers) {
  at::manual_seed(6);
  const std::int64_t side = GetParam(), length = side * side, heads = 3, width = 12;
  const auto packed = at::randn({2, length, 3, heads, width}), phases = axial_phases(width, side, 1.0);
  const auto weight = at::randn({2, heads, length, width});
  std::vector<at::Tensor> results;
  for (const bool own : {true, false}) {
    const auto leaf = packed.clone().requires_grad_(true);
    const auto all = leaf * 1.0;  // rotary_attention overwrites what it is given
    at::Tensor out;
    if (own) {
      out = rotary_attention(all, phases);
    } else {
      const auto turned = at::view_as_real(at::view_as_complex(all.narrow(2, 0, 2).unflatten(-1, {width / 2, 2})) *
                                           phases.view({length, 1, 1, width / 2}))
                              .flatten(-2);
      out = at::scaled_dot_product_attention(turned.select(2, 0).transpose(1, 2), turned.select(2, 1).transpose(1, 2),
                                             all.select(2, 2).transpose(1, 2));
    }
    (out * weight).sum().backward();
    results.push_back(out.detach());
    results.push_back(leaf.grad());
  }
  if (side == 4) {
    EXPECT_TRUE(at::equal(results[0], results[2]));
  }
  EXPECT_LT(difference(results[0], results[2]), 1e-6);
  EXPECT_LT(difference(results[1], results[3]), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Sides, Rotary, testing::Values(4, 23));

TEST(CountedDropout, HasTheRateAndOneMaskBothWays) {
  const auto x = at::ones({3, 500000}).requires_grad_(true);  // rows of the mask end inside
  for (const double rate : {0.1, 0.5, 1.0}) {
    const auto out = counted_dropout(x, rate, 12);
    const double kept = out.detach().ne(0).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(kept, 1.0 - rate, 5 * std::sqrt(rate * (1 - rate) / 1.5e6));
    if (rate < 1.0) {
      EXPECT_NEAR(out.detach().max().item<double>(), 1.0 / (1.0 - rate), 1e-6);
    }
    x.mutable_grad() = at::Tensor();
    out.sum().backward();
    EXPECT_TRUE(at::equal(x.grad(), out.detach()));
  }
  const auto first = counted_dropout(x, 0.5, 1).detach().ne(0), second = counted_dropout(x, 0.5, 2).detach().ne(0);
  EXPECT_NEAR(first.eq(second).to(at::kDouble).mean().item<double>(), 0.5, 5 * 0.5 / std::sqrt(1.5e6));
  // Numbers of one column of the mask's rows (2^20 apart) are independent too.
  const auto flat = first.flatten();
  const auto above = flat.narrow(0, 0, 450000), below = flat.narrow(0, 1 << 20, 450000);
  EXPECT_NEAR(above.eq(below).to(at::kDouble).mean().item<double>(), 0.5, 5 * 0.5 / std::sqrt(4.5e5));
}

}  // namespace
}  // namespace sam3lab::sam3::recompute_test
