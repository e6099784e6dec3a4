#include "core/image/codecs.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(jpeg) {
  const Bytes file(bytes.begin(), bytes.end());
  return fuzz::accepts([&] {
    const auto pixels = decode_jpeg(file, "file");
    fuzz::promise(static_cast<std::int64_t>(pixels.bytes.size()) == pixels.height * pixels.width * pixels.channels);
  });
}
