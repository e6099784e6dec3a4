// The table of character sequences that give wrongly decoded text away.
#pragma once
#include <vector>

#include "plugins/backbones/sam3/text/characters.h"

namespace sam3lab::sam3 {

struct GarbledSequence {
  std::vector<CharacterSet> characters;
  bool at_start = false;  // of the text only
};

[[nodiscard]] const std::vector<GarbledSequence>& garbled_sequences();

}  // namespace sam3lab::sam3
