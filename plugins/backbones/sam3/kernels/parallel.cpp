#include "plugins/backbones/sam3/kernels/parallel.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/TensorIterator.h>

namespace sam3lab::sam3 {

// at::parallel_for is a template that runs serially unless it is compiled with -fopenmp. That would link a second OpenMP
// runtime next to the one of LibTorch's wheel. A loop over a tensor of indices runs on LibTorch's threads.
void in_parallel(std::int64_t count, const std::function<void(std::int64_t)>& work) {
  const at::Tensor indices = at::arange(count, at::kLong);
  at::TensorIterator all = at::TensorIterator::borrowing_nullary_op(indices);
  // The tensor has one dimension, so the outer loop (of m) runs once.
  const auto loop = [&work](char** data, const std::int64_t* strides, std::int64_t n, std::int64_t m) {
    for (std::int64_t o = 0; o < m; ++o) {
      for (std::int64_t i = 0; i < n; ++i) {
        work(*reinterpret_cast<const std::int64_t*>(data[0] + i * strides[0] + o * strides[1]));
      }
    }
  };
  all.for_each(loop, /*grain_size=*/1);
}

}  // namespace sam3lab::sam3
