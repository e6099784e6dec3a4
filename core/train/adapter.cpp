#include "core/train/adapter.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <sam3lab/api/error.h>

#include "core/base/text.h"
#include "core/config/saved_choice.h"
#include "core/tensor/load_into.h"
#include "core/tensor/safetensors.h"

namespace sam3lab {
namespace {

using nlohmann::json;

constexpr std::size_t largest_text = 16 << 20;
constexpr std::size_t shown = 60;  // characters of a value in a message

std::string sizes_text(const at::Tensor& tensor) { return fmt::format("{}", fmt::join(tensor.sizes(), "x")); }

// A few of many, for a message.
void list(const std::vector<std::string>& what, const std::string& kind, std::string& text) {
  if (what.empty()) return;
  text += fmt::format("{}{} {}, e.g. {}", text.empty() ? "" : "; ", what.size(), kind, shorten(what.front()));
}

void check_tensors(const TrainableSet& trainable, const Tensors& tensors, const std::string& file) {
  std::vector<std::string> missing, unexpected, misshaped;
  std::map<std::string, at::Tensor> live(trainable.added.begin(), trainable.added.end());
  for (const auto& [name, tensor] : live) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      missing.push_back(name);
    } else if (found->second.sizes() != tensor.sizes() || !found->second.is_floating_point()) {
      misshaped.push_back(fmt::format("{}: file {} {}, model {}", name, sizes_text(found->second),
                                      c10::toString(found->second.scalar_type()), sizes_text(tensor)));
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (!live.contains(name)) unexpected.push_back(name);
  }
  std::string text;
  list(missing, "missing", text);
  list(unexpected, "unexpected", text);
  list(misshaped, "mis-shaped", text);
  if (text.empty()) return;
  throw DataError(Fault{file, "does not fit what the scheme adds to this model", text, fmt::format("{} tensors", live.size()),
                        "the base model and the [scheme] must be those of the run that made it"});
}

// Another JSON file of the folder where `file` is missing: an older version may have used that name.
std::string other_json_beside(const std::filesystem::path& file) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(file.parent_path(), ignored)) {
    if (entry.path().extension() == ".json") return entry.path().filename().string();
  }
  return "";
}

json read_adapter_json(const std::filesystem::path& file) {
  if (const auto other = other_json_beside(file); !std::filesystem::exists(file) && !other.empty()) {
    throw DataError(Fault{file.string(), "is missing", shorten(other), file.filename().string(),
                          "if an older version of sam3lab made the folder, give '" + shorten(other) + "' the expected name"});
  }
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in) {
    text.resize(largest_text + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
  }
  auto value = text.empty() || text.size() > largest_text ? json(json::value_t::discarded) : json::parse(text, nullptr, false);
  if (!value.is_object()) throw DataError(Fault{file.string(), "cannot be read", "", "a JSON object", "copy the whole folder"});
  return value;
}

void check_texts(const TrainableSet& trainable, const std::filesystem::path& folder) {
  std::vector<Fault> faults;
  for (const auto& [name, text] : trainable.added_files) {
    const auto mine = json::parse(text, nullptr, false);
    if (!mine.is_object()) continue;
    const auto theirs = read_adapter_json(folder / name);
    for (const auto& [key, value] : mine.items()) {
      const auto found = theirs.find(key);
      if (value.is_null() || (found != theirs.end() && *found == value)) continue;
      const auto shortened = [](const json& v) {
        return v.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, shown);
      };
      faults.push_back({(folder / name).string(), "the adapter was made with another '" + key + "'",
                        found == theirs.end() ? "none" : shortened(*found), shortened(value),
                        "give [scheme] the options that it was made with"});
    }
  }
  if (!faults.empty()) throw DataError(faults);
}

}  // namespace

std::string adapter_file(const std::string& folder) { return (std::filesystem::path(folder) / adapter_weights).string(); }

PluginChoice saved_scheme(const std::string& folder, const Catalogue& catalogue) {
  const auto file = adapter_file(folder);
  const auto metadata = read_safetensors(file).metadata;
  const auto found = metadata.find(adapter_scheme);
  if (found == metadata.end()) {
    throw DataError(Fault{file, "does not say which scheme it is of", std::string("no metadata ") + adapter_scheme,
                          "a folder that sam3lab run has left (STEM-adapter)", ""});
  }
  return read_choice(found->second, "scheme", file + ", " + adapter_scheme, catalogue);
}

void load_adapter(const TrainableSet& trainable, const std::string& folder) {
  const auto file = adapter_file(folder);
  if (trainable.added.empty())
    throw DataError(Fault{file, "cannot be loaded: the scheme adds nothing to the model", "", "the scheme that made it", ""});
  const auto tensors = read_safetensors(file).tensors;
  check_tensors(trainable, tensors, file);
  check_texts(trainable, folder);
  NamedCheckpoint named;
  named.model = tensors;
  refuse_what_does_not_fit(load_into(trainable.added, named, nullptr), file);
}

}  // namespace sam3lab
