#include "core/tensor/device.h"

#include <fmt/format.h>
#include <sam3lab/api/error.h>

#include "core/config/device_name.h"

#ifdef SAM3LAB_TORCH_CUDA
#include <dlfcn.h>

#include <array>
#include <exception>

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/cuda.h>
#endif

namespace sam3lab {
namespace {

#ifdef SAM3LAB_TORCH_CUDA
// Applies to everything that this process computes afterwards.
void settle(c10::Device device) {
  c10::impl::VirtualGuardImpl(device.type()).setDevice(device);
  // By LibTorch's default, float32 convolutions on a GPU have only 10 bits of precision.
  at::globalContext().setAllowTF32CuDNN(false);
}

constexpr const char* remedy = "look at nvidia-smi and sam3lab doctor, or choose auto or cpu";

// Why LibTorch's CUDA library cannot be loaded; empty if it is loaded.
const std::string& load_cuda() {
  // This must come before the first question to LibTorch about CUDA, for LibTorch remembers the answer.
  static const std::string failure = [] {
    void* const library = dlopen(SAM3LAB_TORCH_CUDA, RTLD_NOW | RTLD_GLOBAL);
    return library == nullptr ? std::string(dlerror()) : std::string();
  }();
  return failure;
}

int gpus() { return load_cuda().empty() ? static_cast<int>(torch::cuda::device_count()) : 0; }

// Why GPU number `index` cannot be used; empty if it can. Only a computation shows whether the GPU is occupied, or too old for
// LibTorch's kernels.
std::string refusal(int index) {
  if (const int count = gpus(); index >= count)
    return count == 0 ? cuda_state() : fmt::format("{}, no number {}", cuda_state(), index);
  try {
    const auto options = at::TensorOptions(at::kFloat).device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
    if (at::ones({2}, options).sum().item<float>() == 2.0F) return "";
    return fmt::format("GPU {} computes wrongly", index);
  } catch (const std::exception& error) {
    const std::string what = error.what();
    return fmt::format("GPU {} cannot be used: {}", index, what.substr(0, what.find('\n')));
  }
}

// Asks the driver, which LibTorch has loaded and initialised by now.
std::string card_name(int index) {
  void* const driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  const auto name = driver == nullptr ? nullptr : reinterpret_cast<int (*)(char*, int, int)>(dlsym(driver, "cuDeviceGetName"));
  std::array<char, 128> text{};
  return name != nullptr && name(text.data(), text.size() - 1, index) == 0 ? text.data() : "a GPU of unknown name";
}
#else
constexpr const char* remedy = "build with scripts/build --cuda (docs/howto/gpu.md), or choose auto or cpu";

void settle(c10::Device) {}
std::string refusal(int) { return cuda_state(); }
std::string card_name(int) { return ""; }
#endif

}  // namespace

#ifdef SAM3LAB_TORCH_CUDA
std::string cuda_state() {
  if (const auto& failure = load_cuda(); !failure.empty()) return failure;
  const int count = gpus();
  return count == 0 ? "no GPU found" : fmt::format("{} GPU{}", count, count == 1 ? "" : "s");
}
#else
std::string cuda_state() { return "built without CUDA"; }
#endif

std::string ChosenDevice::text() const {
  const auto& more = device.is_cpu() ? why : name;
  return device.str() + (more.empty() ? "" : " (" + more + ")");
}

ChosenDevice choose_device(const std::string& wanted, const std::string& where, std::optional<int> local) {
  const auto name = parse_device(wanted);
  if (!name) throw UsageError(Fault{where, "is no device", wanted, device_words, ""});
  if (!name->cuda && !name->automatic) return {};
  const int index = name->index >= 0 ? name->index : local.value_or(0);
  if (local && index != *local) {
    throw UsageError(Fault{where, fmt::format("process {} of this machine works on GPU {}", *local, *local), wanted, "cuda",
                           "cuda without a number gives each process the GPU of its own number"});
  }
  const auto why = refusal(index);
  if (why.empty()) {
    const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
    settle(device);
    return {device, card_name(index), ""};
  }
  if (name->automatic) return {c10::Device(c10::kCPU), "cpu", why};
  throw UsageError(
      Fault{where, "this device is not there", fmt::format("{}: {}", wanted, why), "a device that can be used", remedy});
}

}  // namespace sam3lab
