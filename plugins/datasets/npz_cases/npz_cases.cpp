#include <sam3lab/plugin.h>

#include "plugins/datasets/npz_cases/npz_slices.h"

SAM3LAB_PLUGIN(npz_cases) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::npz_cases::NpzSlices, sam3lab::datasets::npz_cases::NpzCasesOptions>(
      "npz_cases", "images and volumes of the CVPR MedSegFM challenge, one .npz file a case");
}
