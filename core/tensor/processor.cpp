#include "core/tensor/processor.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sam3lab {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view() : text.substr(first, last - first + 1);
}

// The value of the first line "name : value".
std::string_view field(std::string_view cpuinfo, std::string_view name) {
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

std::string processor_name(std::string_view cpuinfo) {
  std::vector<std::string> details;
  if (const auto vendor = field(cpuinfo, "vendor_id"); !vendor.empty()) details.emplace_back(vendor);
  if (const auto family = field(cpuinfo, "cpu family"); !family.empty()) details.push_back(fmt::format("family {}", family));
  if (const auto model = field(cpuinfo, "model"); !model.empty()) details.push_back(fmt::format("model {}", model));
  const std::string_view name = field(cpuinfo, "model name");
  if (details.empty()) return name.empty() ? "unknown" : std::string(name);
  return fmt::format("{}({})", name.empty() ? "" : fmt::format("{} ", name), fmt::join(details, ", "));
}

std::string processor_name() {
  static const std::string name = [] {
    std::ifstream file("/proc/cpuinfo");
    return processor_name(std::string(std::istreambuf_iterator<char>(file), {}));
  }();
  return name;
}

}  // namespace sam3lab
