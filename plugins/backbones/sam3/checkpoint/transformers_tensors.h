// Tensors in the layout of transformers' `Sam3Model`: other names, query, key and value apart. See
// plugins/backbones/sam3/checkpoint/transformers_names.h.
#pragma once
#include <string>
#include <vector>

#include <sam3lab/api/named_tensors.h>

namespace sam3lab::sam3 {

// `bare` in the port's names. What the port has no place for (the point prompts' projections, rotary phases, the class token's
// position) is kept under `detector.` and its own name, unless it is exactly what from_transformers would put there.
Tensors to_transformers(const Tensors& bare);

// The inverse, bit by bit. A parameter of ours that the port lacks is set to zero, in which case the model reads it only for
// point prompts, or never; its name is added to `filled`. Throws DataError with `path` in `where` for a shape that cannot be
// converted.
Tensors from_transformers(const Tensors& theirs, const std::string& path, std::vector<std::string>& filled);

}  // namespace sam3lab::sam3
