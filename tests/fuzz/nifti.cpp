// A .nii or .nii.gz file, turned to its standard orientation as the data set plugins do.
#include <ATen/ATen.h>

#include <sam3lab/api/image.h>

#include "tests/fuzz/target.h"

using namespace sam3lab;

SAM3LAB_FUZZ_TARGET(nifti) {
  const std::string file = fuzz::as_file(bytes);
  return fuzz::accepts([&] {
    const Volume volume = read_volume(file);
    const Volume turned = to_ras(volume);
    fuzz::promise(turned.voxels.numel() == volume.voxels.numel());
    if (volume.voxels.numel() < (1 << 16)) (void)percentiles(turned.voxels, 1, 99);
  });
}
