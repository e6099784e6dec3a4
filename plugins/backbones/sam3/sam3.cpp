// Registers the plugin backbone/sam3: the image model of SAM 3.
#include <sam3lab/plugin.h>

#include "plugins/backbones/sam3/model/model.h"

SAM3LAB_PLUGIN(sam3) {
  reg.add<sam3lab::Backbone, sam3lab::sam3::Sam3, sam3lab::sam3::Sam3Options>(
      "sam3", "SAM 3, the promptable image model: text and box prompts in, instance and semantic masks out");
}
