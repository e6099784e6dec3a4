// NRRD and MetaImage, with the data in the same file; a header may also name the file itself.
#include <ATen/ATen.h>

#include <sam3lab/api/image.h>

#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(volumes) {
  const std::string file = fuzz::as_file(bytes);
  bool taken = fuzz::accepts([&] {
    const Volume volume = read_volume(file, {0, -1});
    fuzz::promise(volume.voxels.dim() == 3 && volume.voxels.numel() > 0);
  });
  taken |= fuzz::accepts([&] { fuzz::promise(read_raster(file).dim() == 3); });
  return taken;
}
