#include "core/tensor/zip.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(zip) {
  return fuzz::accepts([&] {
    std::uint64_t all = 0;
    for (const auto& [name, entry] : zip::read_directory(bytes, "file")) {
      fuzz::promise(entry.begin <= bytes.size() && entry.size <= bytes.size() - entry.begin);
      all += entry.size;
      (void)zip::crc32(bytes.substr(entry.begin, entry.size));
    }
    fuzz::promise(all <= bytes.size());  // nothing unpacks to more than the file holds
  });
}
