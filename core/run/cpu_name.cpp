#include "core/run/cpu_name.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/image/header_text.h"

namespace sam3lab {
namespace {

// The value of the first line "name : value".
std::string field(std::string_view cpuinfo, std::string_view name) {
  for (std::size_t start = 0; start < cpuinfo.size();) {
    const std::size_t end = std::min(cpuinfo.find('\n', start), cpuinfo.size());
    const std::string_view line = cpuinfo.substr(start, end - start);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == name) return trimmed(line.substr(colon + 1));
    start = end + 1;
  }
  return {};
}

}  // namespace

std::string cpu_name(std::string_view cpuinfo) {
  std::vector<std::string> details;
  if (const auto vendor = field(cpuinfo, "vendor_id"); !vendor.empty()) details.push_back(vendor);
  if (const auto family = field(cpuinfo, "cpu family"); !family.empty()) details.push_back(fmt::format("family {}", family));
  if (const auto model = field(cpuinfo, "model"); !model.empty()) details.push_back(fmt::format("model {}", model));
  const std::string name = field(cpuinfo, "model name");
  if (details.empty()) return name.empty() ? "unknown" : name;
  return fmt::format("{}{}({})", name, name.empty() ? "" : " ", join(details));
}

std::string cpu_name() {
  static const std::string name = [] {
    std::ifstream file("/proc/cpuinfo");
    return cpu_name(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return name;
}

}  // namespace sam3lab
