// The weights that a finished run leaves.
#pragma once
#include <filesystem>

#include "core/run/cell.h"

namespace sam3lab {

// Where the scheme added parameters: these and their text files in STEM-adapter/ (adapter_model.safetensors), and with
// checkpoint.merge also the whole model with them merged in. Else the whole model. Returns adapter_model.safetensors or the
// file of the whole model, whichever was written first.
std::filesystem::path save_weights(const Cell& cell);

}  // namespace sam3lab
