// sam3lab convert IN OUT --layout LAYOUT [--json]
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
#include "core/tensor/layout.h"
#include "core/tensor/safetensors.h"
#include "core/tensor/torch_file.h"

namespace sam3lab {
namespace {

namespace po = boost::program_options;
constexpr const char* where_convert = "sam3lab convert";

enum class Format { torch, safetensors };

Format format_of(const std::string& path) {
  const auto ending = std::filesystem::path(path).extension().string();
  if (ending == ".pt" || ending == ".pth") return Format::torch;
  if (ending == ".safetensors") return Format::safetensors;
  throw UsageError(Fault{where_convert, "the ending of '" + shorten(path) + "' names no format that can be written", ending,
                         ".pt, .pth or .safetensors", ""});
}

Layout wanted_layout(const std::string& name) {
  const auto layout = layout_named(name);
  if (layout) return *layout;
  throw UsageError(Fault{where_convert, "unknown layout", shorten(name), "detector, bare, ddp or transformers",
                         did_you_mean(name, {"detector", "bare", "ddp", "transformers"})});
}

void write(const std::string& path, Format format, const Tensors& tensors, Layout layout, Metadata metadata) {
  if (format == Format::torch) {
    // transformers reads a bare state_dict; everyone else looks under "model" as well.
    write_torch_file(path, tensors, layout == Layout::transformers ? "" : "model");
    return;
  }
  metadata["format"] = "pt";  // transformers refuses a file without it
  write_safetensors(path, tensors, metadata);
}

int run_convert(const Context& context, const Arguments& arguments) {
  po::options_description options("options");
  options.add_options()("in", po::value<std::string>()->required(), "checkpoint: .pt, .safetensors, or the index of shards")(
      "out", po::value<std::string>()->required(), "file to write; its ending says the format: .pt, .pth or .safetensors")(
      "layout", po::value<std::string>()->required(), "detector, bare, ddp or transformers");
  po::positional_options_description positions;
  positions.add("in", 1).add("out", 1);
  const auto values = parse_arguments(convert_command, arguments, options, positions);
  if (!values) return 0;
  const auto in = (*values)["in"].as<std::string>(), out = (*values)["out"].as<std::string>();
  const auto layout = wanted_layout((*values)["layout"].as<std::string>());
  const auto format = format_of(out);
  const auto file = read_checkpoint(in);
  const auto named = to_bare(file.tensors, in);
  const auto tensors = from_bare(named, layout);
  write(out, format, tensors, layout, file.metadata);

  std::int64_t not_built = 0;
  for (const auto& [name, tensor] : tensors) not_built += use_of(name, layout) == Use::not_built ? 1 : 0;
  if (context.json) {
    const nlohmann::ordered_json document = {{"file", out},
                                             {"from", layout_name(named.layout)},
                                             {"to", layout_name(layout)},
                                             {"tensors", tensors.size()},
                                             {"not_built", not_built},
                                             {"set_to_zero", named.filled}};
    std::cout << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return 0;
  }
  for (const auto& name : named.filled)
    std::cout << "set to zero, as the file has no value for it: " << printable(name) << "\n";
  std::cout << fmt::format("from={} to={} tensors={} not_built={} set_to_zero={}\n", layout_name(named.layout),
                           layout_name(layout), tensors.size(), not_built, named.filled.size());
  return 0;
}

}  // namespace

extern const Command convert_command = {"convert", "writes a checkpoint in another layout or format",
                                        "convert IN OUT --layout detector|bare|ddp|transformers [--json]", run_convert};

}  // namespace sam3lab
