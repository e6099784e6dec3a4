// The devices that this program can compute on, and the choice of one at run time.
#pragma once
#include <optional>
#include <string>

#include <c10/core/Device.h>

namespace sam3lab {

// "built without CUDA", "no GPU found", "2 GPUs", or why LibTorch's CUDA library cannot be loaded. The first call loads it.
// That call must come before anything is computed and, where processes are forked, after the fork.
std::string cuda_state();

struct ChosenDevice {
  c10::Device device = c10::Device(c10::kCPU);  // a GPU has its index
  std::string name = "cpu";                     // or the name of the GPU
  std::string why;                              // why `auto` chose the CPU

  [[nodiscard]] std::string text() const;  // "cuda:0 (NVIDIA H100)", "cpu (no GPU found)"
};

// `wanted`: a device as parse_device() reads it. `where`: the name of the option, for errors. `local`: the number of this
// process among those on this machine; it gets the GPU of that number, or without `local` the first one. A small computation
// checks that the GPU is usable. UsageError with what was found if the device is missing, or if `wanted` names a GPU of another
// process.
ChosenDevice choose_device(const std::string& wanted, const std::string& where, std::optional<int> local = std::nullopt);

}  // namespace sam3lab
