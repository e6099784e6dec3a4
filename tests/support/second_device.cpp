#include "tests/support/second_device.h"

#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/detail/HPUHooksInterface.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

namespace sam3lab {
namespace {

constexpr auto key = c10::DispatchKey::HPU;

struct Memory final : c10::Allocator {
  c10::DataPtr allocate(std::size_t bytes) override {
    auto data = c10::GetCPUAllocator()->allocate(bytes);
    data.unsafe_set_device(second_device());
    return data;
  }
  c10::DeleterFnPtr raw_deleter() const override { return c10::GetCPUAllocator()->raw_deleter(); }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
};
Memory memory;

struct Guard final : c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::HPU> {
  c10::Device getDevice() const override { return second_device(); }
  c10::Device exchangeDevice(c10::Device) const override { return second_device(); }
  c10::Stream getStream(c10::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, second_device()); }
};
C10_REGISTER_GUARD_IMPL(HPU, Guard);

// Random numbers are the CPU's, so that results can be compared.
struct Hooks final : at::HPUHooksInterface {
  explicit Hooks(at::HPUHooksArgs) {}
  void init() const override {}
  bool hasHPU() const override { return true; }
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return at::detail::getDefaultCPUGenerator(); }
};
using at::HPUHooksRegistry, at::RegistererHPUHooksRegistry;
C10_REGISTER_CLASS(HPUHooksRegistry, HPUHooks, Hooks)

bool here(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == c10::DeviceType::HPU; }

at::Tensor make(c10::Storage storage, c10::DispatchKey where, const at::Tensor& like) {
  auto made = at::detail::make_tensor<c10::TensorImpl>(std::move(storage), c10::DispatchKeySet(where), like.dtype());
  made.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
  if (like.is_complex()) made._set_conj(like.is_conj());
  made._set_neg(like.is_neg());
  return made;
}

// One call of an operator: what lies here, as tensors of the CPU on the same memory, and the way back.
class Call {
 public:
  explicit Call(const c10::OperatorHandle& op) : op_(op) {}

  at::Tensor lend(const at::Tensor& tensor) {
    if (!here(tensor)) {
      strangers_ = strangers_ || (tensor.defined() && tensor.dim() > 0);
      return tensor;
    }
    c10::DataPtr data(tensor.storage().mutable_data(), c10::Device(c10::kCPU));
    const c10::Storage storage(c10::Storage::use_byte_size_t(), tensor.storage().nbytes(), std::move(data),
                               c10::GetCPUAllocator(),
                               /*resizable=*/true);
    lent_.emplace_back(tensor, make(storage, c10::DispatchKey::CPU, tensor));
    return lent_.back().second;
  }

  void check() const { TORCH_CHECK(lent_.empty() || !strangers_, op_.operator_name(), " is given tensors of two devices"); }

  // An operator may have given its output another shape or more memory.
  void settle() {
    for (auto& [tensor, twin] : lent_) {
      if (twin.storage().data() != tensor.storage().data()) tensor.unsafeGetTensorImpl()->set_storage_keep_dtype(adopt(twin));
      if (twin.sizes() != tensor.sizes() || twin.strides() != tensor.strides() ||
          twin.storage_offset() != tensor.storage_offset())
        tensor.unsafeGetTensorImpl()->set_sizes_and_strides(twin.sizes(), twin.strides(), twin.storage_offset());
    }
  }

  at::Tensor take(const at::Tensor& result) {
    if (!result.defined()) return result;
    for (const auto& [tensor, twin] : lent_) {
      if (twin.is_same(result)) return tensor;
    }
    for (const auto& [tensor, twin] : lent_) {
      if (result.storage().is_alias_of(twin.storage()) && result.has_storage()) return make(tensor.storage(), key, result);
    }
    return make(adopt(result), key, result);
  }

 private:
  static c10::Storage adopt(const at::Tensor& tensor) {
    auto* const owner = new c10::Storage(tensor.storage());
    c10::DataPtr data(
        owner->mutable_data(), owner, [](void* kept) { delete static_cast<c10::Storage*>(kept); }, second_device());
    return {c10::Storage::use_byte_size_t(), owner->nbytes(), std::move(data), &memory, /*resizable=*/true};
  }

  const c10::OperatorHandle& op_;
  std::vector<std::pair<at::Tensor, at::Tensor>> lent_;
  bool strangers_ = false;
};

template <class Change>
c10::IValue changed(const c10::IValue& value, const Change& change) {
  if (value.isTensor()) return change(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(change(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
      list.push_back(tensor ? std::optional(change(*tensor)) : tensor);
    }
    return list;
  }
  return value;
}

void run_on_cpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  Call call(op);
  for (auto& argument : torch::jit::last(*stack, op.schema().arguments().size())) {
    const c10::IValue given = argument;
    const_cast<c10::IValue&>(argument) = given.isDevice()
                                             ? c10::IValue(c10::Device(c10::kCPU))
                                             : changed(given, [&](const at::Tensor& tensor) { return call.lend(tensor); });
  }
  call.check();
  op.callBoxed(*stack);
  call.settle();
  const std::size_t returned = op.schema().returns().size();
  for (std::size_t i = stack->size() - returned; i < stack->size(); ++i) {
    (*stack)[i] = changed((*stack)[i], [&](const at::Tensor& tensor) { return call.take(tensor); });
  }
}

at::Tensor empty(at::IntArrayRef sizes, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, &memory, c10::DispatchKeySet(key), type.value_or(at::kFloat), format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, std::optional<at::ScalarType> type,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(sizes, strides, &memory, c10::DispatchKeySet(key), type.value_or(at::kFloat));
}

c10::OperatorHandle operator_named(const char* name) { return c10::Dispatcher::singleton().findSchemaOrThrow(name, ""); }

// The one operator that may see both devices.
at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  const auto op = operator_named("aten::_copy_from");
  Call call(op);
  call.lend(to).copy_(call.lend(from));
  return to;
}

// Convolutions of unknown devices end in operators that the CPU does not have.
at::Tensor convolution(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                       at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef output_padding, int64_t groups) {
  const auto op = operator_named("aten::convolution_overrideable");
  Call call(op);
  const auto lent_bias = bias && bias->defined() ? std::optional(call.lend(*bias)) : std::nullopt;
  const auto lent = call.lend(x), lent_weight = call.lend(weight);
  call.check();
  return call.take(
      at::convolution(lent, lent_weight, lent_bias, stride, padding, dilation, transposed, output_padding, groups));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(const at::Tensor& gradient, const at::Tensor& x,
                                                                    const at::Tensor& weight, at::IntArrayRef stride,
                                                                    at::IntArrayRef padding, at::IntArrayRef dilation,
                                                                    bool transposed, at::IntArrayRef output_padding,
                                                                    int64_t groups, std::array<bool, 3> wanted) {
  const auto op = operator_named("aten::convolution_backward_overrideable");
  Call call(op);
  const auto lent = call.lend(gradient), lent_x = call.lend(x), lent_weight = call.lend(weight);
  call.check();
  const std::vector<int64_t> bias_sizes{transposed ? weight.size(1) * groups : weight.size(0)};
  const auto [of_x, of_weight, of_bias] =
      at::convolution_backward(lent, lent_x, lent_weight, at::OptionalIntArrayRef(bias_sizes), stride, padding, dilation,
                               transposed, output_padding, groups, wanted);
  return {call.take(of_x), call.take(of_weight), call.take(of_bias)};
}

// Attention is written out: the CPU's fused kernel has no gradient for its mask, which LibTorch knows of the CPU alone.
int64_t attention_kernel(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, double,
                         bool, std::optional<double>, bool) {
  constexpr int64_t math = 0;  // at::SDPBackend
  return math;
}

TORCH_LIBRARY_IMPL(_, HPU, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_cpu>()); }

TORCH_LIBRARY_IMPL(aten, HPU, m) {
  m.impl("empty.memory_format", TORCH_FN(empty));
  m.impl("empty_strided", TORCH_FN(empty_strided));
  m.impl("_copy_from", TORCH_FN(copy_from));
  m.impl("_fused_sdp_choice", TORCH_FN(attention_kernel));
  m.impl("convolution_overrideable", TORCH_FN(convolution));
  m.impl("convolution_backward_overrideable", TORCH_FN(convolution_backward));
}

// copy_from() heeds both bits; LibTorch would clear them by a copy of the tensor first, which is this very operator.
TORCH_LIBRARY_IMPL(aten, Conjugate, m) { m.impl("_copy_from", torch::CppFunction::makeFallthrough()); }
TORCH_LIBRARY_IMPL(aten, Negative, m) { m.impl("_copy_from", torch::CppFunction::makeFallthrough()); }

const bool known = (c10::SetAllocator(c10::DeviceType::HPU, &memory), true);

}  // namespace
}  // namespace sam3lab
