#include "plugins/datasets/shared/cases/decoder_version.h"

#include <ATen/Version.h>

#include <sam3lab/plugin.h>

namespace sam3lab::datasets {

std::string decoder_version() { return SAM3LAB_DECODERS " " SAM3LAB_STAMP " " + at::get_cpu_capability(); }

}  // namespace sam3lab::datasets
