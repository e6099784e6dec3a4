#include <sam3lab/plugin.h>

#include "plugins/datasets/paired_folders/image_pairs.h"

SAM3LAB_PLUGIN(paired_folders) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::paired_folders::ImagePairs,
          sam3lab::datasets::paired_folders::PairedFoldersOptions>("paired_folders",
                                                                   "a folder of images and their mask files, paired by name");
}
