// sam3lab convert IN OUT --layout NAME [--backbone NAME] [--json]
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/base/text.h"
#include "core/cli/arguments.h"
#include "core/report/table.h"
#include "core/registry/recognise.h"
#include "core/tensor/safetensors.h"
#include "core/tensor/torch_file.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;
constexpr const char* where_convert = "sam3lab convert";

enum class Format { torch, safetensors };

Format format_of(const std::string& path) {
  const auto extension = std::filesystem::path(path).extension().string();
  if (extension == ".pt" || extension == ".pth") return Format::torch;
  if (extension == ".safetensors") return Format::safetensors;
  throw UsageError(Fault{where_convert, "the extension of '" + shorten(path) + "' names no format that can be written",
                         extension, ".pt, .pth or .safetensors", ""});
}

void check_layout(const std::string& layout, const std::vector<std::string>& known) {
  if (std::ranges::find(known, layout) != known.end()) return;
  throw UsageError(Fault{where_convert, "unknown layout", shorten(layout), known.empty() ? "" : "one of: " + join(known),
                         did_you_mean(layout, known)});
}

// The backbone whose names the file has. Where several know them, --backbone decides.
RecognisedCheckpoint backbone_of(const Registry& registry, const Tensors& tensors, const std::string& path,
                                 const std::string& wanted) {
  auto found = recognise(registry, tensors);
  if (!wanted.empty()) {
    if (registry.offer(Backbone::slot, wanted) == nullptr)
      throw UsageError(unknown_plugin(registry.catalogue(), where_convert, std::string(Backbone::slot), wanted));
    std::erase_if(found, [&](const auto& one) { return one.backbone != wanted; });
  }
  if (found.empty()) throw not_recognised(registry, tensors, path);
  if (found.size() > 1) {
    std::vector<std::string> names;
    for (const auto& one : found) names.push_back(one.backbone);
    throw UsageError(
        Fault{where_convert, "several backbones know the names of " + path, join(names), "one", "choose one with --backbone"});
  }
  return found.front();
}

void write(const std::string& path, Format format, const Tensors& tensors, const std::string& torch_key, Metadata metadata) {
  if (format == Format::torch) return write_torch_file(path, tensors, torch_key);
  metadata["format"] = "pt";  // transformers refuses a file without it
  write_safetensors(path, tensors, metadata);
}

int run_convert(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("in", po::value<std::string>()->required(), "checkpoint: .pt, .safetensors, or the index of shards")(
      "out", po::value<std::string>()->required(), "file to write; its extension gives the format: .pt, .pth or .safetensors")(
      "layout", po::value<std::string>()->required(),
      "how the file that is written names the parameters: a layout of the backbone")(
      "backbone", po::value<std::string>()->default_value(""), "whose checkpoint it is, where the names do not tell");
  po::positional_options_description positions;
  positions.add("in", 1).add("out", 1);
  const auto values = parse_arguments(convert_command, arguments, options, positions);
  if (!values) return 0;
  const auto in = (*values)["in"].as<std::string>(), out = (*values)["out"].as<std::string>();
  const auto layout = (*values)["layout"].as<std::string>();
  const auto& registry = context.registry();
  check_layout(layout, known_layouts(registry));
  const auto format = format_of(out);
  const auto file = read_checkpoint(in);
  const auto found = backbone_of(registry, file.tensors, in, (*values)["backbone"].as<std::string>());
  check_layout(layout, found.layouts->names());
  const auto named = found.layouts->to_own(file.tensors, in);
  const auto tensors = found.layouts->from_own(named, layout);
  write(out, format, tensors, found.layouts->torch_key(layout), file.metadata);

  std::int64_t not_built = 0;
  for (const auto& [name, tensor] : tensors) not_built += found.layouts->use_of(name, layout) == TensorUse::not_built ? 1 : 0;
  if (context.json) {
    const nlohmann::ordered_json document = {{"file", out},
                                             {"backbone", found.backbone},
                                             {"from", named.layout},
                                             {"to", layout},
                                             {"tensors", tensors.size()},
                                             {"not_built", not_built},
                                             {"set_to_zero", named.filled}};
    std::cout << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return 0;
  }
  for (const auto& name : named.filled)
    std::cout << "set to zero, as the file has no value for it: " << printable(name) << "\n";
  std::cout << fmt::format("from={} to={} tensors={} not_built={} set_to_zero={}\n", named.layout, layout, tensors.size(),
                           not_built, named.filled.size());
  return 0;
}

}  // namespace

extern const Command convert_command = {"convert", "writes a checkpoint in another layout or format",
                                        "convert IN OUT --layout NAME [--backbone NAME] [--json]", run_convert};

}  // namespace sam3lab
