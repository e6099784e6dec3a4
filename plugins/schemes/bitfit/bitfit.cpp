#include "plugins/schemes/bitfit/bitfit_scheme.h"

SAM3LAB_PLUGIN(bitfit) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::bitfit::BitfitScheme, sam3lab::schemes::bitfit::BitfitOptions>(
      "bitfit", "only biases train, and norms where asked");
}
