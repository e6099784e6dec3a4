#include "plugins/schemes/head_only/head_only_scheme.h"

SAM3LAB_PLUGIN(head_only) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::head_only::HeadOnlyScheme, sam3lab::schemes::head_only::HeadOnlyOptions>(
      "head_only", "query decoder, scoring and mask heads train; what comes before them is frozen");
}
