#include <sam3lab/plugin.h>

#include "plugins/datasets/volume_folder/case_slices.h"

SAM3LAB_PLUGIN(volume_folder) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::volume_folder::CaseSlices,
          sam3lab::datasets::volume_folder::VolumeFolderOptions>(
      "volume_folder", "slices of many volumes with label volumes: NIfTI, NRRD, MetaImage, DICOM");
}
