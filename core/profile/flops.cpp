#include "core/profile/flops.h"

#include <atomic>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>

namespace sam3lab {
namespace {

using Inputs = c10::ArrayRef<const c10::IValue>;

std::atomic<double> counted{0.0};

// Sizes of input `i` if it is a tensor; otherwise empty.
at::IntArrayRef sizes(const Inputs& inputs, std::size_t i) {
  if (i >= inputs.size() || !inputs[i].isTensor()) return {};
  const at::Tensor& tensor = inputs[i].toTensor();
  return tensor.defined() ? tensor.sizes() : at::IntArrayRef();
}

double product(at::IntArrayRef values) {
  double all = 1.0;
  for (const auto value : values) all *= static_cast<double>(value);
  return all;
}

// [..., m, k] times [..., k, n]; the factors are inputs `first` and `first` + 1.
double matrix_product(const Inputs& inputs, std::size_t first) {
  const auto a = sizes(inputs, first), b = sizes(inputs, first + 1);
  if (a.size() < 2 || b.size() != a.size()) return 0.0;
  return 2.0 * product(a) * static_cast<double>(b.back());
}

// Scores and weighted values of q [B, H, Lq, E], k [B, H, Lk, E], v [B, H, Lk, Ev]. The backward pass recomputes the scores,
// and computes the gradients of q, k, v and the weights.
double attention(const Inputs& inputs, bool backward) {
  const std::size_t first = backward ? 1 : 0;
  const auto q = sizes(inputs, first), k = sizes(inputs, first + 1), v = sizes(inputs, first + 2);
  if (q.size() != 4 || k.size() != 4 || v.size() != 4) return 0.0;
  const double pairs = product(q.slice(0, 3)) * static_cast<double>(k[2]);
  const double e = static_cast<double>(q[3]), ev = static_cast<double>(v[3]);
  return 2.0 * pairs * (backward ? 3.0 * e + 2.0 * ev : e + ev);
}

// One product per weight and position of the output; a transposed convolution has one per weight and position of the input.
double convolution(const Inputs& inputs) {
  const auto input = sizes(inputs, 0), weight = sizes(inputs, 1);
  if (inputs.size() < 9 || input.size() < 3 || weight.size() != input.size()) return 0.0;
  if (inputs[6].toBool()) return 2.0 * product(input) / static_cast<double>(input[1]) * product(weight);
  const auto stride = inputs[3].toIntVector(), padding = inputs[4].toIntVector(), dilation = inputs[5].toIntVector();
  double positions = static_cast<double>(input[0]);
  for (std::size_t d = 0; d + 2 < input.size(); ++d) {
    const auto of = [d](const std::vector<std::int64_t>& values) { return values.size() == 1 ? values[0] : values.at(d); };
    const auto reach = of(dilation) * (weight[d + 2] - 1) + 1;
    positions *= static_cast<double>((input[d + 2] + 2 * of(padding) - reach) / of(stride) + 1);
  }
  return 2.0 * positions * product(weight);
}

// The gradient of the input and that of the weight each cost as much as the forward pass.
double convolution_backward(const Inputs& inputs) {
  const auto gradient = sizes(inputs, 0), input = sizes(inputs, 1), weight = sizes(inputs, 2);
  if (inputs.size() < 11 || gradient.size() < 3 || input.size() < 3) return 0.0;
  const auto positions_of = inputs[7].toBool() ? input : gradient;
  const auto wanted = inputs[10].toBoolList();
  const double gradients = (wanted.get(0) ? 1.0 : 0.0) + (wanted.get(1) ? 1.0 : 0.0);
  return gradients * 2.0 * product(positions_of) / static_cast<double>(positions_of[1]) * product(weight);
}

double flops_of(std::string_view name, const Inputs& inputs) {
  if (name == "sam3lab::flops") return !inputs.empty() && inputs[0].isDouble() ? inputs[0].toDouble() : 0.0;
  if (!name.starts_with("aten::")) return 0.0;
  name.remove_prefix(6);
  if (name == "mm" || name == "bmm") return matrix_product(inputs, 0);
  if (name == "addmm" || name == "baddbmm") return matrix_product(inputs, 1);
  if (name == "convolution") return convolution(inputs);
  if (name == "convolution_backward") return convolution_backward(inputs);
  if (name.starts_with("_scaled_dot_product_") && !name.starts_with("_scaled_dot_product_attention_math"))
    return attention(inputs, name.ends_with("_backward"));
  return 0.0;
}

// An exception must not leave the dispatcher: an operator of an unexpected form counts as 0.
std::unique_ptr<at::ObserverContext> observe(const at::RecordFunction& function) {
  try {
    const double flops = flops_of(function.name(), function.inputs());
    for (double sum = counted; !counted.compare_exchange_weak(sum, sum + flops);) {
    }
  } catch (const std::exception&) {
    return nullptr;
  }
  return nullptr;
}

}  // namespace

FlopCounter::FlopCounter() {
  counted = 0.0;
  handle_ = at::addGlobalCallback(
      at::RecordFunctionCallback(observe).needsInputs(true).scopes({at::RecordScope::FUNCTION, at::RecordScope::USER_SCOPE}));
}

FlopCounter::~FlopCounter() { at::removeCallback(handle_); }

double FlopCounter::flops() const { return counted; }

}  // namespace sam3lab
