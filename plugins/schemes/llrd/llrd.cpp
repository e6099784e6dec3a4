#include "plugins/schemes/llrd/llrd_scheme.h"

SAM3LAB_PLUGIN(llrd) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::llrd::LlrdScheme, sam3lab::schemes::llrd::LlrdOptions>(
      "llrd", "every parameter trains, earlier layers more slowly (layer-wise learning-rate decay)");
}
