// The table of character sequences that only occur in mojibake.
#pragma once
#include <vector>

#include "plugins/backbones/sam3/text/characters.h"

namespace sam3lab::sam3 {

struct MojibakeSequence {
  std::vector<CharacterSet> characters;
  bool at_start = false;  // only at the start of the text
};

[[nodiscard]] const std::vector<MojibakeSequence>& mojibake_sequences();

}  // namespace sam3lab::sam3
