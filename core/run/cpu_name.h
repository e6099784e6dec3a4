// Which processor this is: kernels are chosen by it, and what they compute differs by rounding.
#pragma once
#include <string>
#include <string_view>

namespace sam3lab {

// "AMD EPYC (AuthenticAMD, family 26, model 2)", of the first processor that `cpuinfo` describes, the text of Linux's
// /proc/cpuinfo. Fields that it lacks are left out; "unknown" where it has none.
[[nodiscard]] std::string processor_name(std::string_view cpuinfo);
// That of this machine.
[[nodiscard]] std::string processor_name();

}  // namespace sam3lab
