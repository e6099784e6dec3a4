// The size of the data (8 bytes), then the JSON header.
#include <cstring>

#include "core/tensor/safetensors_header.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(safetensors_header) {
  std::uint64_t data_size = 0;
  if (bytes.size() < sizeof data_size) return false;
  std::memcpy(&data_size, bytes.data(), sizeof data_size);
  return fuzz::accepts([&] {
    const auto header = safetensors::parse_header(bytes.substr(sizeof data_size), data_size, "file");
    std::uint64_t at = 0;
    for (const auto& entry : header.entries) {
      fuzz::promise(entry.begin == at && entry.end >= entry.begin && entry.end <= data_size);
      at = entry.end;
    }
    fuzz::promise(at == data_size);
  });
}
