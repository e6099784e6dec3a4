#include <sam3lab/plugin.h>

#include "plugins/datasets/instance_image/image_tiles.h"

SAM3LAB_PLUGIN(instance_image) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::instance_image::ImageTiles,
          sam3lab::datasets::instance_image::InstanceImageOptions>(
      "instance_image", "tiles of an image with a map of numbered objects, such as nuclei");
}
