#include "plugins/schemes/prefix/prefix_scheme.h"

SAM3LAB_PLUGIN(prefix) {
  reg.add<sam3lab::Scheme, sam3lab::PrefixScheme, sam3lab::PrefixOptions>(
      "prefix", "learned keys and values train, in front of those of frozen attentions");
}
