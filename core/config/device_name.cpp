#include "core/config/device_name.h"

#include <charconv>
#include <string_view>

namespace sam3lab {

std::optional<DeviceName> parse_device(const std::string& text) {
  constexpr std::string_view numbered = "cuda:";
  constexpr int most = 63;  // LibTorch counts devices in a signed byte, and knows 64 of one kind
  if (text == "auto") return DeviceName{.automatic = true};
  if (text == "cpu") return DeviceName{};
  if (text == "cuda") return DeviceName{.cuda = true};
  if (!text.starts_with(numbered)) return std::nullopt;
  DeviceName name{.cuda = true};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + numbered.size(), end, name.index);
  if (error != std::errc() || stop != end || name.index < 0 || name.index > most) return std::nullopt;
  return name;
}

}  // namespace sam3lab
