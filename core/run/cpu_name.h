// The name of the CPU. Libraries choose kernels by the CPU, and their results differ by rounding.
#pragma once
#include <string>
#include <string_view>

namespace sam3lab {

// "AMD EPYC (AuthenticAMD, family 26, model 2)": the first CPU in `cpuinfo`, the text of Linux's /proc/cpuinfo. Missing fields
// are left out; "unknown" if all are missing.
[[nodiscard]] std::string cpu_name(std::string_view cpuinfo);
// The name of this machine's CPU.
[[nodiscard]] std::string cpu_name();

}  // namespace sam3lab
