#include <sam3lab/plugin.h>

#include "plugins/datasets/label_volume/volume_slices.h"

SAM3LAB_PLUGIN(label_volume) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::label_volume::VolumeSlices, sam3lab::datasets::label_volume::LabelVolumeOptions>(
      "label_volume", "slices of a volume with a label volume of the same grid");
}
