#include <sam3lab/plugin.h>

#include "plugins/datasets/coco/coco_images.h"

SAM3LAB_PLUGIN(coco) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::coco::CocoImages, sam3lab::datasets::coco::CocoOptions>(
      "coco", "images with annotation files of the COCO format: polygons and run lengths");
}
