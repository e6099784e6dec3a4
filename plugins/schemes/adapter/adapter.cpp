#include "plugins/schemes/adapter/adapter_scheme.h"

SAM3LAB_PLUGIN(adapter) {
  reg.add<sam3lab::Scheme, sam3lab::AdapterScheme, sam3lab::AdapterOptions>(
      "adapter", "bottleneck adapters train, behind or beside frozen MLPs and attentions");
}
