// What this program can compute on, and the choice of a device when it runs.
#pragma once
#include <optional>
#include <string>

#include <c10/core/Device.h>

namespace sam3lab {

// "built without CUDA", "no GPU found", "2 GPUs", or why LibTorch's CUDA library cannot be loaded. Loads it at the first call,
// which must come before anything is computed and, where processes are forked, behind the fork.
std::string cuda_state();

struct ChosenDevice {
  c10::Device device = c10::Device(c10::kCPU);  // a GPU has its index
  std::string name = "cpu";                     // or that of the card
  std::string why;                              // `auto` took the CPU: the reason

  [[nodiscard]] std::string text() const;  // "cuda:0 (NVIDIA H100)", "cpu (no GPU found)"
};

// `wanted`: as parse_device() reads it; `where`: the option, for errors. A GPU counts as usable when it has computed something.
// `local`: of several processes on one machine the number of this one, which takes the GPU of that number; none: the first.
// UsageError that says what was found where the device is not there, or where `wanted` numbers a GPU that is another process's.
ChosenDevice choose_device(const std::string& wanted, const std::string& where, std::optional<int> local = std::nullopt);

}  // namespace sam3lab
