// What this program can compute on.
#pragma once
#include <string>

namespace sam3lab {

// "built without CUDA", "no GPU found", "2 GPUs", or why LibTorch's CUDA library cannot be loaded. Loads it at the first call.
std::string cuda_state();

}  // namespace sam3lab
