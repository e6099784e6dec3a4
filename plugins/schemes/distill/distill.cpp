#include "plugins/schemes/distill/distill_scheme.h"

SAM3LAB_PLUGIN(distill) {
  reg.add<sam3lab::Scheme, sam3lab::DistillScheme, sam3lab::DistillOptions>(
      "distill", "every parameter trains, and imitates a teacher of another size");
}
