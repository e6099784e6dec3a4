// What an option that chooses a device may say: "auto", "cpu", "cuda", "cuda:N".
#pragma once
#include <optional>
#include <string>

namespace sam3lab {

struct DeviceName {
  bool cuda = false;       // asked for; false under "auto", too
  bool automatic = false;  // "auto": CUDA if it can be used, else the CPU
  int index = -1;          // none given
};

// Nothing for any other text.
std::optional<DeviceName> parse_device(const std::string& text);

inline constexpr const char* device_words = "auto, cpu, cuda or cuda:N, N a number from 0 to 63";

}  // namespace sam3lab
