// Merged tree -> typed experiment.
#pragma once
#include <filesystem>
#include <vector>

#include <sam3lab/api/error.h>

#include "core/config/catalogue.h"
#include "core/config/experiment.h"
#include "core/config/tree.h"

namespace sam3lab {

// Everything but the fields that describe the file's text and its parents. Values mean nothing if faults were added. With
// `data_alone`, datasets are all that it must have.
Experiment assemble(const Tree& tree, const std::filesystem::path& file, const Catalogue& catalogue, std::vector<Fault>& faults,
                    bool data_alone = false);

// The [backbone] of the tree alone; a tree without one is a fault.
PluginChoice assemble_backbone(const Tree& tree, const std::filesystem::path& file, const Catalogue& catalogue,
                               std::vector<Fault>& faults);

}  // namespace sam3lab
