// Our kernels behind one C symbol each. A module of its own (cmake/cuda.cmake): the program loads it when it first has a tensor
// for them, on a GPU that LibTorch's CUDA library drives already.
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/optim/cuda/adamw.h"

// In the order of everything else that LibTorch does on that device.
extern "C" const char* sam3lab_adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                              std::uint16_t* second_moment, std::int64_t count, const sam3lab::AdamWStep* step,
                                              int device) {
  const auto index = static_cast<c10::DeviceIndex>(device);
  const c10::cuda::CUDAGuard guard(index);
  return sam3lab::launch_adamw_bfloat16(parameter, gradient, first_moment, second_moment, count, *step,
                                        c10::cuda::getCurrentCUDAStream(index).stream());
}
