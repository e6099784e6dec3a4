#include "plugins/schemes/full/full_scheme.h"

SAM3LAB_PLUGIN(full) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::full::FullScheme, sam3lab::schemes::full::FullOptions>(
      "full", "every parameter trains, in groups by part of the model");
}
