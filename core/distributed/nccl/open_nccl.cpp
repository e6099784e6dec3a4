// NCCL for tensors on a GPU. This is a shared library of its own (cmake/cuda.cmake). The program loads it, and LibTorch's CUDA
// libraries with it, only when ranks have tensors on a GPU.
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <c10/cuda/CUDAFunctions.h>

// `device`: index of the GPU of this process on its machine.
extern "C" c10::intrusive_ptr<c10d::Backend> sam3lab_open_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                                               int device) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, c10d::ProcessGroupNCCL::Options::create());
}
