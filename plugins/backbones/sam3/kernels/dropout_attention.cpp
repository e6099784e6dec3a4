#include "plugins/backbones/sam3/kernels/dropout_attention.h"

#include <limits>
#include <mutex>
#include <optional>

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/custom_function.h>

#include "plugins/backbones/sam3/kernels/attention_tiles.h"
#include "plugins/backbones/sam3/kernels/tiled_attention.h"

namespace sam3lab::sam3 {

namespace {

struct DropoutAttention : torch::autograd::Function<DropoutAttention> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const std::optional<at::Tensor>& added, double rate, std::int64_t seed) {
    const at::Tensor mask = added.value_or(at::Tensor());
    const auto [out, log_sums] = attend_in_tiles(q, k, v, mask, rate, static_cast<std::uint64_t>(seed));
    context->save_for_backward({q, k, v, mask, out, log_sums});
    context->saved_data["rate"] = rate;
    context->saved_data["seed"] = seed;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& mask = saved[3];
    const AttentionGradients g = gradients_in_tiles(
        gradients[0], saved[0], saved[1], saved[2], mask, {saved[4], saved[5]}, context->saved_data["rate"].toDouble(),
        static_cast<std::uint64_t>(context->saved_data["seed"].toInt()), mask.defined() && context->needs_input_grad(3));
    return {g.q, g.k, g.v, g.mask, {}, {}};
  }
};

}  // namespace

at::Tensor dropout_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask, double rate,
                             std::uint64_t seed) {
  at::Tensor added = mask;
  if (mask.defined() && mask.scalar_type() == at::kBool) {
    added = at::zeros(mask.sizes(), q.options().requires_grad(false))
                .masked_fill_(mask.logical_not(), -std::numeric_limits<double>::infinity());
  } else if (mask.defined()) {
    added = mask.to(at::kFloat);  // under autocast it is bfloat16 or float16
  }
  return DropoutAttention::apply(q, k, v, added.defined() ? std::optional<at::Tensor>(added) : std::nullopt, rate,
                                 static_cast<std::int64_t>(seed));
}

std::uint64_t draw_seed() {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

at::Tensor kept_weights(at::IntArrayRef shape, double rate, std::uint64_t seed) {
  at::Tensor kept = at::empty(shape, at::kBool);
  const DropoutRate limit(rate);
  bool* next = kept.data_ptr<bool>();
  for (std::int64_t row = 0; row < kept.numel() / shape.back(); ++row) {
    const DropoutRow keys = dropout_row(seed, static_cast<std::uint64_t>(row));
    for (std::int64_t j = 0; j < shape.back(); ++j) *next++ = keeps(keys, static_cast<std::uint32_t>(j), limit);
  }
  return kept;
}

}  // namespace sam3lab::sam3
