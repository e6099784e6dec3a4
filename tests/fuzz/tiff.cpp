#include "tests/fuzz/rasters.h"

// The first page; the second where there is one.
SAM3LAB_FUZZ_TARGET(tiff) {
  bool taken = false;
  for (const std::int64_t page : {0, 1}) {
    taken |= sam3lab::fuzz::takes_raster(bytes, [page](const auto& file, const std::string& name, sam3lab::PixelUse use) {
      return sam3lab::decode_tiff(file, name, use, page);
    });
  }
  return taken;
}
