#include "plugins/backbones/sam3/kernels/rotary_attention.h"

#include <tuple>

#include <torch/csrc/autograd/custom_function.h>

#include "plugins/backbones/sam3/kernels/tiled_attention.h"

namespace sam3lab::sam3 {

namespace {

// Rotates queries and keys of packed [N, L, 3, heads, D] in place.
void turn(const at::Tensor& packed, const at::Tensor& phases) {
  const std::int64_t length = packed.size(1), half = packed.size(4) / 2;
  at::view_as_complex(packed.narrow(2, 0, 2).unflatten(-1, {half, 2})).mul_(phases.view({length, 1, 1, half}));
}

at::Tensor heads_of(const at::Tensor& packed, std::int64_t which) { return packed.select(2, which).transpose(1, 2); }

Attended fused(const at::Tensor& packed) {
  const auto [out, log_sums] =
      at::_scaled_dot_product_flash_attention_for_cpu(heads_of(packed, 0), heads_of(packed, 1), heads_of(packed, 2));
  return {out, log_sums};
}

struct Rotary : torch::autograd::Function<Rotary> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& packed, const at::Tensor& phases) {
    turn(packed.detach(), phases);
    const at::Tensor q = heads_of(packed, 0), k = heads_of(packed, 1);
    const bool tiles = pays_in_tiles(q, k);
    const Attended result = tiles ? attend_in_tiles(q, k, heads_of(packed, 2), {}, 0.0, 0) : fused(packed);
    context->saved_data["tiles"] = tiles;
    // Detached, because the history of `packed` does not belong to the new content of its memory.
    context->save_for_backward({packed.detach(), phases, result.out, result.log_sums});
    return result.out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& packed = saved[0];
    at::Tensor gradient = at::empty_like(packed);
    const at::Tensor q = heads_of(packed, 0), k = heads_of(packed, 1), v = heads_of(packed, 2);
    const auto write = [&gradient](const at::Tensor& of_q, const at::Tensor& of_k, const at::Tensor& of_v) {
      heads_of(gradient, 0).copy_(of_q);
      heads_of(gradient, 1).copy_(of_k);
      heads_of(gradient, 2).copy_(of_v);
    };
    if (context->saved_data["tiles"].toBool()) {
      const AttentionGradients parts = gradients_in_tiles(gradients[0], q, k, v, {}, {saved[2], saved[3]}, 0.0, 0, false);
      write(parts.q, parts.k, parts.v);
    } else {
      const auto [of_q, of_k, of_v] =
          at::_scaled_dot_product_flash_attention_for_cpu_backward(gradients[0], q, k, v, saved[2], saved[3], 0.0, false);
      write(of_q, of_k, of_v);
    }
    turn(gradient, saved[1].conj().resolve_conj());
    return {gradient, at::Tensor()};
  }
};

}  // namespace

at::Tensor rotary_attention(const at::Tensor& packed, const at::Tensor& phases) { return Rotary::apply(packed, phases); }

}  // namespace sam3lab::sam3
