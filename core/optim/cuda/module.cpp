// Exports each of our kernels as one C symbol. This is a shared library of its own (cmake/cuda.cmake). The program loads it for
// the first tensor that needs it; LibTorch's CUDA library is loaded by then.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/optim/cuda/adamw.h"

// Uses LibTorch's current stream, so the kernel runs in order with LibTorch's own.
extern "C" const char* sam3lab_adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                              std::uint16_t* second_moment, std::int64_t count, const sam3lab::AdamWStep* step,
                                              int device) {
  const auto index = static_cast<c10::DeviceIndex>(device);
  const c10::cuda::CUDAGuard guard(index);
  return sam3lab::launch_adamw_bfloat16(parameter, gradient, first_moment, second_moment, count, *step,
                                        c10::cuda::getCurrentCUDAStream(index).stream());
}
