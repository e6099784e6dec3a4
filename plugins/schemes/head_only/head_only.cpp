#include "plugins/schemes/head_only/head_only_scheme.h"

SAM3LAB_PLUGIN(head_only) {
  reg.add<sam3lab::Scheme, sam3lab::HeadOnlyScheme, sam3lab::HeadOnlyOptions>(
      "head_only", "query decoder, scoring and mask heads train; what comes before them is frozen");
}
