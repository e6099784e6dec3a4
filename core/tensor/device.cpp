#include "core/tensor/device.h"

#include <dlfcn.h>

#include <torch/cuda.h>

namespace sam3lab {

#ifdef SAM3LAB_TORCH_CUDA
std::string cuda_state() {
  // Before LibTorch is first asked about CUDA: its answer is remembered.
  static void* const library = dlopen(SAM3LAB_TORCH_CUDA, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) return dlerror();
  const auto count = torch::cuda::device_count();
  return count == 0 ? "no GPU found" : std::to_string(count) + " GPUs";
}
#else
std::string cuda_state() { return "built without CUDA"; }
#endif

}  // namespace sam3lab
