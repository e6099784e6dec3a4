// The index of a sharded checkpoint. Beside it lie one.safetensors with the tensor "a" and two.safetensors with "b" and "c".
#include <cstring>

#include "core/tensor/safetensors.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

namespace {

std::string shard(const std::vector<std::string>& names) {
  std::string header = "{";
  for (std::size_t i = 0; i < names.size(); ++i) {
    header += (i > 0 ? ",\"" : "\"") + names[i] + R"(":{"dtype":"U8","shape":[1],"data_offsets":[)" + std::to_string(i) + "," +
              std::to_string(i + 1) + "]}";
  }
  header += "}";
  const std::uint64_t length = header.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + header + std::string(names.size(), '\1');
}

}  // namespace

SAM3LAB_FUZZ_TARGET(safetensors_index) {
  static const std::string one = fuzz::as_file(shard({"a"}), "one.safetensors");
  static const std::string two = fuzz::as_file(shard({"b", "c"}), "two.safetensors");
  const std::string index = fuzz::as_file(bytes, "m.index.json");
  return fuzz::accepts([&] { fuzz::promise(read_safetensors(index).tensors.size() <= 3); });
}
