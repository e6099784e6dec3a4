// Which files of a folder belong together: a volume with its label volumes.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/error.h>

#include "plugins/datasets/volume_folder/volume_folder_options.h"
#include "plugins/datasets/shared/cases/labelled_volume.h"

namespace sam3lab::datasets::volume_folder {

struct VolumeCase {
  std::string id;  // the image's path below the root, without its ending
  std::string image, subject, site, subset;
  std::vector<LabelSource> sources;  // empty: no mask file, and that means nothing is there
  std::vector<std::string> unsure;   // labels of which nothing is known here
};

struct VolumeCases {
  std::vector<VolumeCase> cases;    // sorted by id
  std::vector<std::string> labels;  // sorted
  std::vector<std::string> tables;  // files that say what the labels are
  std::vector<Fault> faults;
};

// Lists the folder, reads the label table and dataset.json; no volume. Throws UsageError for options that contradict each
// other, DataError for a folder or file that cannot be read.
VolumeCases find_volume_cases(const VolumeFolderOptions& options);

}  // namespace sam3lab::datasets::volume_folder
