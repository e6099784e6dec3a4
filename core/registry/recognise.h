// Which backbone a checkpoint is of, told by the names of its tensors, without a model being built.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/registry/registry.h"

namespace sam3lab {

struct RecognisedCheckpoint {
  std::string backbone;  // name of the plugin
  std::string layout;    // one of layouts->names()
  std::shared_ptr<const CheckpointLayouts> layouts;
};

// Every backbone that knows the names of these tensors, in alphabetical order; none: no backbone does.
std::vector<RecognisedCheckpoint> recognise(const Registry& registry, const Tensors& tensors);

// For where no backbone knows them: what `path` holds, and examples of what is known.
DataError not_recognised(const Registry& registry, const Tensors& tensors, const std::string& path);

// Throws not_recognised() if no backbone knows the names and every backbone says which ones it knows. (A backbone without
// CheckpointLayouts takes any file that has its own names.)
void refuse_unrecognised(const Registry& registry, const Tensors& tensors, const std::string& path);

// Names of all layouts that a registered backbone knows, each once.
std::vector<std::string> known_layouts(const Registry& registry);

}  // namespace sam3lab
