#include "core/optim/cuda_kernels.h"

#include <ATen/ATen.h>
#include <sam3lab/api/error.h>

#ifdef SAM3LAB_CUDA_KERNELS
#include <dlfcn.h>
#endif

namespace sam3lab {

#ifdef SAM3LAB_CUDA_KERNELS
namespace {

using AdamW = const char* (*)(float*, const float*, std::uint16_t*, std::uint16_t*, std::int64_t, const AdamWStep*, int);

AdamW load_adamw() {
  void* const library = dlopen(SAM3LAB_CUDA_KERNELS, RTLD_NOW);
  void* const symbol = library == nullptr ? nullptr : dlsym(library, "sam3lab_adamw_bfloat16");
  if (symbol == nullptr) throw DataError(Fault{SAM3LAB_CUDA_KERNELS, "cannot be loaded", dlerror(), "", "see sam3lab doctor"});
  return reinterpret_cast<AdamW>(symbol);
}

}  // namespace

void adamw_bfloat16_cuda(const at::Tensor& parameter, const at::Tensor& gradient, const at::Tensor& first_moment,
                         const at::Tensor& second_moment, const AdamWStep& step) {
  static const AdamW adamw = load_adamw();
  const auto halves = [](const at::Tensor& x) { return static_cast<std::uint16_t*>(x.data_ptr()); };
  const char* const refusal = adamw(parameter.data_ptr<float>(), gradient.const_data_ptr<float>(), halves(first_moment),
                                    halves(second_moment), parameter.numel(), &step, parameter.device().index());
  if (refusal != nullptr)
    throw NumericError(Fault{"AdamW on " + parameter.device().str(), "CUDA refuses the update", refusal, "", ""});
}
#else
void adamw_bfloat16_cuda(const at::Tensor& parameter, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                         const AdamWStep&) {
  throw DataError(Fault{"train.memory", "no update with moments in bfloat16 for this device", parameter.device().str(), "",
                        "set train.memory = \"exact\", or build with scripts/build --cuda"});
}
#endif

}  // namespace sam3lab
