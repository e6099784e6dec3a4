// The JSON that datasets come with: an annotation file of the COCO format, whose masks are made, and a dataset.json.
#include "plugins/datasets/coco/coco_file.h"
#include "plugins/datasets/coco/coco_masks.h"
#include "plugins/datasets/volume_folder/msd_file.h"
#include "tests/fuzz/target.h"

using namespace sam3lab;
using namespace sam3lab::datasets::coco;
using namespace sam3lab::datasets::volume_folder;

SAM3LAB_FUZZ_TARGET(annotations) {
  const std::string file = fuzz::as_file(bytes);
  const bool coco = fuzz::accepts([&] {
    const auto read = read_coco(file);
    for (const auto& one : read.annotations) {
      fuzz::promise(one.image < read.images.size() && one.category < read.categories.size());
      if (one.runs.empty()) {
        (void)mask_of_polygons(one.polygons, 60, 50);
      } else {
        fuzz::promise(run_pixels(one.runs) == one.height * one.width);
        if (one.height * one.width < 1 << 20) (void)mask_of_runs(one.runs, one.height, one.width);
      }
    }
    for (const auto& fault : read.faults) (void)fault.text();
  });
  const bool msd = fuzz::accepts([&] {
    const auto read = read_msd(file);
    fuzz::promise(!read.labels.empty());
    for (const auto& entry : read.labels) fuzz::promise(!entry.values.empty());
  });
  return coco || msd;
}
