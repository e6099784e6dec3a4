#include "plugins/backbones/sam3/kernels/counted_dropout.h"

#include <algorithm>

#include <torch/csrc/autograd/custom_function.h>

#include "plugins/backbones/sam3/kernels/attention_tiles.h"
#include "plugins/backbones/sam3/kernels/parallel.h"

namespace sam3lab::sam3 {

namespace {

at::Tensor apply_mask(const at::Tensor& given, double rate, std::uint64_t seed) {
  const at::Tensor x = given.contiguous();
  at::Tensor out = at::empty_like(x);
  const float* from = x.const_data_ptr<float>();
  float* to = out.data_ptr<float>();
  const DropoutRate limit(rate);
  constexpr std::int64_t block = 1 << 16;
  in_parallel((x.numel() + block - 1) / block, [&](std::int64_t i) {
    const std::int64_t first = i * block;
    drop_numbers(from + first, to + first, first, std::min(block, x.numel() - first), seed, limit);
  });
  return out;
}

struct CountedDropout : torch::autograd::Function<CountedDropout> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, double rate, std::int64_t seed) {
    context->saved_data["rate"] = rate;
    context->saved_data["seed"] = seed;
    return apply_mask(x, rate, static_cast<std::uint64_t>(seed));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto seed = static_cast<std::uint64_t>(context->saved_data["seed"].toInt());
    return {apply_mask(gradients[0], context->saved_data["rate"].toDouble(), seed), {}, {}};
  }
};

}  // namespace

at::Tensor counted_dropout(const at::Tensor& x, double rate, std::uint64_t seed) {
  return CountedDropout::apply(x, rate, static_cast<std::int64_t>(seed));
}

}  // namespace sam3lab::sam3
