#include "plugins/backbones/sam3/rotary_attention.h"

#include <tuple>

#include <torch/torch.h>

namespace sam3lab::sam3 {

namespace {

// Queries and keys of packed [N, L, 3, heads, D], in place.
void turn(const at::Tensor& packed, const at::Tensor& phases) {
  const std::int64_t length = packed.size(1), half = packed.size(4) / 2;
  at::view_as_complex(packed.narrow(2, 0, 2).unflatten(-1, {half, 2})).mul_(phases.view({length, 1, 1, half}));
}

at::Tensor heads_of(const at::Tensor& packed, std::int64_t which) { return packed.select(2, which).transpose(1, 2); }

struct Rotary : torch::autograd::Function<Rotary> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& packed, const at::Tensor& phases) {
    turn(packed.detach(), phases);
    auto [out, log_sums] =
        at::_scaled_dot_product_flash_attention_for_cpu(heads_of(packed, 0), heads_of(packed, 1), heads_of(packed, 2));
    // Detached: the history of `packed` is not that of what now lies in its memory.
    context->save_for_backward({packed.detach(), phases, out, log_sums});
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& packed = saved[0];
    const auto parts = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        gradients[0], heads_of(packed, 0), heads_of(packed, 1), heads_of(packed, 2), saved[2], saved[3], 0.0, false);
    at::Tensor gradient = at::empty_like(packed);
    heads_of(gradient, 0).copy_(std::get<0>(parts));
    heads_of(gradient, 1).copy_(std::get<1>(parts));
    heads_of(gradient, 2).copy_(std::get<2>(parts));
    turn(gradient, saved[1].conj().resolve_conj());
    return {gradient, at::Tensor()};
  }
};

}  // namespace

at::Tensor rotary_attention(const at::Tensor& packed, const at::Tensor& phases) { return Rotary::apply(packed, phases); }

}  // namespace sam3lab::sam3
