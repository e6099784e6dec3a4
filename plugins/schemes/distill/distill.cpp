#include "plugins/schemes/distill/distill_scheme.h"

SAM3LAB_PLUGIN(distill) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::distill::DistillScheme, sam3lab::schemes::distill::DistillOptions>(
      "distill", "every parameter trains, and imitates a teacher of another size");
}
