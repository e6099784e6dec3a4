#include "core/cli/checkpoint_summary.h"

#include <algorithm>
#include <iostream>
#include <string_view>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/report/table.h"
#include "core/registry/recognise.h"

namespace sam3lab {
namespace {

constexpr std::array<const char*, 4> use_names = {"model", "derived", "not built", "unknown"};
constexpr std::array<const char*, 4> use_notes = {"", ": follows from the sizes",
                                                  ": of modules that the backbone lacks; convert keeps it", ""};
constexpr std::size_t shown_names = 3, shown_text = 80;

std::string type_text(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    case at::kShort:
      return "int16";
    case at::kChar:
      return "int8";
    case at::kByte:
      return "uint8";
    case at::kBool:
      return "bool";
    case at::kComplexFloat:
      return "complex64";
    case at::kComplexDouble:
      return "complex128";
    default:
      return c10::toString(type);
  }
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array<const char*, 5> units = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto size = static_cast<double>(bytes);
  for (; size >= 1024.0 && unit + 1 < units.size(); ++unit) size /= 1024.0;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", size, units.at(unit));
}

std::string total_text(const TensorTotal& total) {
  return fmt::format("{} tensors, {} values, {}", total.tensors, total.values, size_text(total.bytes));
}

nlohmann::ordered_json total_json(const TensorTotal& total) {
  return {{"tensors", total.tensors}, {"values", total.values}, {"bytes", total.bytes}};
}

void line(const std::string& key, const std::string& value) { std::cout << fmt::format("{:<13}{}\n", key, printable(value)); }

}  // namespace

void TensorTotal::add(const at::Tensor& tensor) {
  ++tensors;
  values += tensor.numel();
  bytes += static_cast<std::int64_t>(tensor.nbytes());
}

CheckpointSummary summarise_checkpoint(const TensorFile& file, const Registry& registry) {
  CheckpointSummary summary;
  summary.format = file.format;
  summary.metadata = file.metadata;
  std::shared_ptr<const CheckpointLayouts> layouts;
  if (const auto found = recognise(registry, file.tensors); !found.empty()) {
    summary.backbone = found.front().backbone;
    summary.layout = found.front().layout;
    layouts = found.front().layouts;
  }
  for (const auto& [name, tensor] : file.tensors) {
    summary.all.add(tensor);
    summary.by_type[type_text(tensor.scalar_type())].add(tensor);
    const auto use = layouts ? layouts->use_of(name, summary.layout) : TensorUse::unknown;
    summary.by_use.at(static_cast<std::size_t>(use)).add(tensor);
    if (use == TensorUse::unknown) summary.unknown.push_back(name);
    if (use == TensorUse::not_built) summary.not_built[layouts->module_not_built(name)].add(tensor);
  }
  return summary;
}

void print_checkpoint(const std::string& path, const CheckpointSummary& summary) {
  line("checkpoint", path);
  line("format", summary.format);
  line("layout", summary.layout.empty() ? "none that a backbone knows" : summary.layout + ", of backbone " + summary.backbone);
  line("all", total_text(summary.all));
  for (const auto& [type, total] : summary.by_type) line("  " + type, total_text(total));
  for (std::size_t use = 0; use < use_names.size(); ++use) {
    const auto& total = summary.by_use.at(use);
    if (use == 0 || total.tensors > 0) line(use_names.at(use), total_text(total) + use_notes.at(use));
  }
  for (const auto& [part, total] : summary.not_built) line("  " + part, total_text(total));
  for (std::size_t i = 0; i < std::min(shown_names, summary.unknown.size()); ++i)
    line("  unknown", shorten(summary.unknown[i]));
  for (const auto& [key, value] : summary.metadata) line("metadata", shorten(key) + ": " + value.substr(0, shown_text));
}

void print_checkpoint_json(const std::string& path, const CheckpointSummary& summary) {
  nlohmann::ordered_json document = {{"file", path}, {"format", summary.format}};
  const auto or_null = [](const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
  };
  document["layout"] = or_null(summary.layout);
  document["backbone"] = or_null(summary.backbone);
  document["all"] = total_json(summary.all);
  document["dtypes"] = nlohmann::ordered_json::object();
  for (const auto& [type, total] : summary.by_type) document["dtypes"][type] = total_json(total);
  for (const auto& [key, use] : {std::pair("model", TensorUse::parameter), {"derived", TensorUse::derived}}) {
    document[key] = total_json(summary.by_use.at(static_cast<std::size_t>(use)));
  }
  document["not_built"] = nlohmann::ordered_json::object();
  for (const auto& [part, total] : summary.not_built) document["not_built"][part] = total_json(total);
  document["unknown"] = summary.unknown;
  document["metadata"] = summary.metadata;
  std::cout << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

}  // namespace sam3lab
