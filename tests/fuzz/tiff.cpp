#include "core/image/codecs.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(tiff) {
  const Bytes file(bytes.begin(), bytes.end());
  bool taken = false;
  for (const auto use : {PixelUse::picture, PixelUse::labels}) {
    taken |= fuzz::accepts([&] {
      const auto pixels = decode_tiff(file, "file", use);
      fuzz::promise(static_cast<std::int64_t>(pixels.bytes.size()) ==
                    pixels.height * pixels.width * pixels.channels * (pixels.bits / 8));
    });
  }
  return taken;
}
