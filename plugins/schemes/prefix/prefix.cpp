#include "plugins/schemes/prefix/prefix_scheme.h"

SAM3LAB_PLUGIN(prefix) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::prefix::PrefixScheme, sam3lab::schemes::prefix::PrefixOptions>(
      "prefix", "learned keys and values train, in front of those of frozen attentions");
}
