#include "plugins/backbones/sam3/kernels/products.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/native/CPUBlas.h>
#include <torch/csrc/autograd/custom_function.h>

#include "plugins/backbones/sam3/kernels/flops.h"

namespace sam3lab::sam3 {

namespace {

// Below this size the cost of a call matters, and small models keep the order of sums of the package (README: parity).
constexpr std::int64_t least_rows = 512, least_products = std::int64_t{1} << 27;

bool suits(const at::Tensor& a, std::int64_t m, std::int64_t n, std::int64_t k) {
  return a.is_cpu() && a.scalar_type() == at::kFloat && !at::autocast::is_autocast_enabled(at::kCPU) && m >= least_rows &&
         std::min(n, k) >= 64 && m * n * k >= least_products && large_products_by_onednn() &&
         at::globalContext().userEnabledMkldnn();
}

// x [m, in] times the transpose of `weight` [out, in], plus `bias`. Any strides.
at::Tensor by_onednn(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  using Operator = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                              at::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto run = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Operator>();
  report_flops(2.0 * static_cast<double>(x.size(0) * weight.size(0)) * static_cast<double>(x.size(1)));
  return run.call(x, weight, bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt, "none",
                  at::List<std::optional<at::Scalar>>(), "");
}

struct LargeLinear : torch::autograd::Function<LargeLinear> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = weight.size(0);
    // Not view(): the result of a custom function may be changed in place.
    return at::_unsafe_view(by_onednn(x.reshape({-1, weight.size(1)}), weight, bias.value_or(at::Tensor())), shape);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], gradient = gradients[0].reshape({-1, weight.size(0)});
    torch::autograd::variable_list result(3);
    if (context->needs_input_grad(0)) result[0] = product(gradient, weight).view(x.sizes());
    if (context->needs_input_grad(1)) result[1] = product(gradient.t(), x.reshape({-1, weight.size(1)}));
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) result[2] = gradient.sum(0);
    return result;
  }
};

}  // namespace

bool& large_products_by_onednn() {
#if defined(__x86_64__)
  static bool chosen = __builtin_cpu_is("amd") != 0 && __builtin_cpu_supports("avx512f") != 0;
#else
  static bool chosen = false;
#endif
  return chosen;
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const std::optional<at::Tensor> offset = bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt;
  if (!suits(x, x.numel() / weight.size(1), weight.size(0), weight.size(1))) return at::linear(x, weight, offset);
  return LargeLinear::apply(x, weight, offset);
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  if (!suits(a, a.size(0), b.size(1), a.size(1))) return at::mm(a, b);
  // The first factor is copied if its rows are not contiguous, so the smaller factor should then be the first.
  if (!a.is_contiguous() && a.numel() > b.numel()) return by_onednn(b.t(), a, {}).t().contiguous();
  return by_onednn(a, b.t(), {});
}

void tile_product(Rows a, Rows b, Rows out, std::int64_t m, std::int64_t n, std::int64_t k, bool add) {
  at::native::cpublas::brgemm(m, n, k, a.stride, b.stride, out.stride, add, a.data, b.data, out.data, false);
}

}  // namespace sam3lab::sam3
