// AdamW with moments in bfloat16 on an NVIDIA GPU: core/optim/adamw_update.h there, bit for bit.
#pragma once
#include <cstdint>

#include "core/optim/adamw_update.h"

namespace sam3lab {

// Enqueues the update of a whole tensor on `stream` (a cudaStream_t) of the current device. All pointers are of that device.
// Null, or why CUDA refuses; what goes wrong while the GPU computes shows at a later call, as with every kernel.
const char* launch_adamw_bfloat16(float* parameter, const float* gradient, std::uint16_t* first_moment,
                                  std::uint16_t* second_moment, std::int64_t count, const AdamWStep& step, void* stream);

}  // namespace sam3lab
