// Which program decodes: what is kept of decoded files is of use to no other.
#pragma once
#include <string>

namespace sam3lab::datasets {

// Names the sources that decode volumes and labels (their SHA-256, taken by CMake), LibTorch, and the instructions it uses
// here.
std::string decoder_version();

}  // namespace sam3lab::datasets
