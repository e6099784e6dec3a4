#include "plugins/schemes/adapter/adapter_scheme.h"

SAM3LAB_PLUGIN(adapter) {
  reg.add<sam3lab::Scheme, sam3lab::schemes::adapter::AdapterScheme, sam3lab::schemes::adapter::AdapterOptions>(
      "adapter", "bottleneck adapters train, behind or beside frozen MLPs and attentions");
}
