// AdamW with moments in bfloat16 on an NVIDIA GPU. Gives the same bits as core/optim/adamw_update.h on the CPU.
#pragma once
#include <cstdint>

#include "core/optim/adamw_update.h"

namespace sam3lab {

// Enqueues the update of a whole tensor on `stream` (a cudaStream_t) of the current device. All pointers point to memory of
// that device. Returns null, or CUDA's error text. An error while the GPU computes is reported by a later call, as for every
// kernel.
const char* launch_adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                  std::uint16_t* second_moment, std::int64_t count, const AdamWStep& step, void* stream);

}  // namespace sam3lab
