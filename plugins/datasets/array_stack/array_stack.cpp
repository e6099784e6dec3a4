#include <sam3lab/plugin.h>

#include "plugins/datasets/array_stack/image_stack.h"

SAM3LAB_PLUGIN(array_stack) {
  reg.add<sam3lab::Dataset, sam3lab::datasets::array_stack::ImageStack, sam3lab::datasets::array_stack::ArrayStackOptions>(
      "array_stack", "many images in one array, masks in another: NumPy, HDF5, MATLAB");
}
