// What the targets of image formats with two uses share.
#pragma once
#include "core/image/codecs.h"
#include "tests/fuzz/target.h"

namespace sam3lab::fuzz {

// `decode` for each use; whether one of them was accepted.
template <class Decode>
bool takes_raster(std::string_view bytes, const Decode& decode) {
  const Bytes file(bytes.begin(), bytes.end());
  bool taken = false;
  for (const auto use : {PixelUse::image, PixelUse::labels}) {
    taken |= accepts([&] {
      const auto pixels = decode(file, "file", use);
      promise(static_cast<std::int64_t>(pixels.bytes.size()) ==
              pixels.height * pixels.width * pixels.channels * (pixels.bits / 8));
    });
  }
  return taken;
}

}  // namespace sam3lab::fuzz
