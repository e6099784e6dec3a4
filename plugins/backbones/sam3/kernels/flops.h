// FLOPs of kernels that call no LibTorch operator.
#pragma once
#include <vector>

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

namespace sam3lab::sam3 {

// Reports `flops` to the program, which counts the FLOPs of LibTorch's operators by itself. A multiplication with its addition
// counts as 2.
inline void report_flops(double flops) { RECORD_FUNCTION("sam3lab::flops", std::vector<c10::IValue>{flops}); }

}  // namespace sam3lab::sam3
