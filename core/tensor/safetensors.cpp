#include "core/tensor/safetensors.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>
#include <sam3lab/api/error.h>

#include "core/base/atomic_file.h"
#include "core/tensor/mapped_file.h"
#include "core/tensor/safetensors_header.h"

namespace sam3lab {
namespace {

using nlohmann::json;
constexpr std::size_t index_limit = 16'000'000;  // bytes: 100,000 tensors with long names
constexpr std::size_t prefix = sizeof(std::uint64_t);

void read_shard(const std::string& path, TensorFile& into) {
  const auto file = MappedFile::open(path);
  std::uint64_t length = 0;
  if (file->size() < prefix) {
    throw DataError(Fault{path, "too short for a safetensors file", std::to_string(file->size()) + " bytes", "at least 8",
                          "the file is truncated: fetch it again"});
  }
  std::memcpy(&length, file->data(), prefix);  // little-endian, as all machines of LibTorch's wheel
  if (length > safetensors::header_limit || length > file->size() - prefix) {
    throw DataError(
        Fault{path, "the header is longer than it may be", std::to_string(length) + " bytes",
              "at most " + std::to_string(std::min<std::uint64_t>(safetensors::header_limit, file->size() - prefix)),
              "the file is truncated, damaged or no safetensors file"});
  }
  const std::size_t data = prefix + static_cast<std::size_t>(length);
  auto header = safetensors::parse_header(file->view(prefix, data - prefix), file->size() - data, path);
  for (auto& entry : header.entries) {
    if (entry.type == c10::ScalarType::Bool && !all_bytes_boolean(file->view(data + entry.begin, entry.end - entry.begin))) {
      throw DataError(Fault{path, "tensor '" + entry.name + "' of dtype BOOL holds bytes other than 0 and 1", "", "", ""});
    }
    auto tensor = mapped_tensor(file, data + entry.begin, entry.type, entry.shape);
    if (!into.tensors.emplace(entry.name, std::move(tensor)).second) {
      throw DataError(Fault{path, "tensor '" + entry.name + "' is in two shards", "", "", "write the checkpoint again"});
    }
  }
  into.metadata.merge(header.metadata);
}

// Parses a JSON document without duplicate keys and with at most three levels.
json parse_strict(std::string_view text, const std::string& path) {
  const auto damaged = [&](const std::string& got) {
    return DataError(Fault{path, "damaged JSON", got, "", "fetch it again"});
  };
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > 3) throw damaged("more than three levels");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      throw damaged("the key '" + parsed.get<std::string>() + "' twice");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), check);
  } catch (const json::exception& error) {
    throw damaged(error.what());
  }
}

TensorFile read_sharded(const std::string& path) {
  const auto index = MappedFile::open(path);
  if (index->size() > index_limit) {
    throw DataError(Fault{path, "the index is too large", std::to_string(index->size()) + " bytes",
                          "at most " + std::to_string(index_limit), ""});
  }
  const json document = parse_strict(index->view(0, index->size()), path);
  if (!document.is_object() || !document.contains("weight_map") || !document["weight_map"].is_object()) {
    throw DataError(Fault{path, "no index of a sharded safetensors checkpoint", "", "an object with a 'weight_map'", ""});
  }
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [name, shard] : document["weight_map"].items()) {
    if (!shard.is_string()) throw DataError(Fault{path, "the shard of '" + name + "' is no text", "", "a file name", ""});
    const auto file = shard.get<std::string>();
    // A shard lies beside its index: a path elsewhere would let a downloaded index open any file of the machine.
    if (file.empty() || file == "." || file == ".." || file.find_first_of(std::string("/\\\0", 3)) != std::string::npos) {
      throw DataError(Fault{path, "the shard of '" + name + "' is no plain file name", file, "a file beside the index", ""});
    }
    shards[file].insert(name);
  }
  TensorFile whole;
  whole.format = "safetensors, " + std::to_string(shards.size()) + (shards.size() == 1 ? " shard" : " shards");
  const auto folder = std::filesystem::path(path).parent_path();
  std::size_t promised = 0;
  for (const auto& [file, names] : shards) {
    const auto shard = (folder / file).string();
    read_shard(shard, whole);
    promised += names.size();
    for (const auto& name : names) {
      if (whole.tensors.count(name) == 0) throw DataError(Fault{shard, "lacks tensor '" + name + "' of the index", "", "", ""});
    }
    if (whole.tensors.size() != promised) {
      throw DataError(Fault{shard, "holds tensors that the index does not name", std::to_string(whole.tensors.size()),
                            std::to_string(promised), ""});
    }
  }
  return whole;
}

}  // namespace

TensorFile read_safetensors(const std::string& path) {
  if (path.size() >= 5 && path.compare(path.size() - 5, 5, ".json") == 0) return read_sharded(path);
  TensorFile file;
  file.format = "safetensors";
  read_shard(path, file);
  return file;
}

void write_safetensors(const std::string& path, const Tensors& tensors, const Metadata& metadata, bool flushed) {
  // Widest elements first, as the format's own writer does: every tensor then sits on its alignment.
  std::vector<const Tensors::value_type*> order;
  for (const auto& item : tensors) order.push_back(&item);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->second.element_size() > b->second.element_size(); });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t end = 0;
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    const auto type = safetensors::name_of(tensor.scalar_type());
    if (!type || name == "__metadata__") {
      throw DataError(Fault{path, "cannot write tensor '" + name + "' as safetensors",
                            type ? "a reserved name" : c10::toString(tensor.scalar_type()), "", ""});
    }
    const std::uint64_t begin = end;
    end += tensor.nbytes();
    header[name] = {{"dtype", *type}, {"shape", tensor.sizes().vec()}, {"data_offsets", {begin, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    throw DataError(Fault{path, "a tensor name or a metadata text is no UTF-8", error.what(), "", ""});
  }
  text.resize((text.size() + prefix - 1) / prefix * prefix, ' ');
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write(&length, prefix);
  file.write(text);
  for (const auto* item : order) {
    const auto tensor = item->second.detach().cpu().contiguous();
    file.write(tensor.const_data_ptr(), tensor.nbytes());
  }
  file.commit(flushed);
}

}  // namespace sam3lab
