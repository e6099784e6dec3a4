// Without LibTorch's headers, with which nvcc takes minutes instead of seconds. To be compiled with -fmad=false.
#include "core/optim/cuda/adamw.h"

#include <algorithm>

#include "core/optim/adamw_element.h"

namespace sam3lab {
namespace {

__global__ void update_all(float* parameter, const float* gradient, std::uint16_t* first_moment, std::uint16_t* second_moment,
                           std::int64_t count, AdamWStep step) {
  const float unroot = 1.0F / step.root_second;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
    adamw::update(parameter[i], gradient[i], first_moment[i], second_moment[i], static_cast<std::uint32_t>(i), unroot, step);
  }
}

}  // namespace

const char* launch_adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                  std::uint16_t* second_moment, std::int64_t count, const AdamWStep& step, void* stream) {
  if (count == 0) return nullptr;
  constexpr std::int64_t threads = 256, most_blocks = std::int64_t{1} << 16;
  const std::int64_t blocks = std::min((count + threads - 1) / threads, most_blocks);
  update_all<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), 0, static_cast<cudaStream_t>(stream)>>>(
      parameter, gradient, first_moment, second_moment, count, step);
  const cudaError_t status = cudaGetLastError();
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

}  // namespace sam3lab
