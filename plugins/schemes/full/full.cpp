#include "plugins/schemes/full/full_scheme.h"

SAM3LAB_PLUGIN(full) {
  reg.add<sam3lab::Scheme, sam3lab::FullScheme, sam3lab::FullOptions>("full",
                                                                      "every parameter trains, in groups by part of the model");
}
