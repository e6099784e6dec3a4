// dataset.json of the Medical Segmentation Decathlon, and of nnU-Net.
#pragma once
#include <string>
#include <vector>

#include "plugins/datasets/shared/tables/label_table.h"

namespace sam3lab::datasets::volume_folder {

struct MsdPair {
  std::string image, labels;  // relative to the folder of the dataset
  std::string subset;         // "train" or "validation"
};

struct MsdFile {
  std::vector<LabelEntry> labels;    // sorted by name, without the background, which is value 0
  std::vector<std::int64_t> ignore;  // values that nnU-Net ignores
  std::vector<MsdPair> pairs;        // of the lists `training` and `validation`; empty in nnU-Net's form, which has none
};

// Labels as {"1": "liver"} or, since nnU-Net 2, {"liver": 1} and {"whole tumour": [1, 2, 3]}. Throws DataError with every fault
// found: no JSON, larger than 16 MiB, nested deeper than 16, labels or pairs that are none, paths that lead out of the dataset.
MsdFile read_msd(const std::string& path);

}  // namespace sam3lab::datasets::volume_folder
