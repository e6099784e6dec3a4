#include "plugins/schemes/bitfit/bitfit_scheme.h"

SAM3LAB_PLUGIN(bitfit) {
  reg.add<sam3lab::Scheme, sam3lab::BitfitScheme, sam3lab::BitfitOptions>("bitfit", "only biases train, and norms where asked");
}
